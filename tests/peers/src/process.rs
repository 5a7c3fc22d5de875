//! What a process holds, as the kernel counts it in `/proc`.

use std::fs;

/// Threads, open file descriptors and resident memory of one process at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub threads: usize,
    pub descriptors: usize,
    /// Resident memory in KiB.
    pub resident: usize,
}

impl Held {
    /// # Panics
    /// When there is no such process.
    pub fn by(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect(name);
            line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect(name)
        };
        Held {
            threads: number("Threads:"),
            descriptors: fs::read_dir(format!("/proc/{process}/fd")).expect("descriptors").count(),
            resident: number("VmRSS:"),
        }
    }
}
