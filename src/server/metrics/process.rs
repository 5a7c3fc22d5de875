//! The process, as proc(5) tells.

use std::fs;

/// USER_HZ: what times in /proc are counted in, on every architecture that Debian has.
const TICKS: f64 = 100.0;

/// What cannot be read is 0.
#[derive(Debug, Default)]
pub struct Process {
    pub cpu_seconds: f64,
    pub started: f64,
    pub resident: u64,
    pub virtual_memory: u64,
    pub threads: u64,
    pub files: u64,
    pub files_limit: u64,
}

pub fn read() -> Process {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (stat, status, limits) =
        (text("/proc/self/stat"), text("/proc/self/status"), text("/proc/self/limits"));
    // The name may hold anything; what follows it are numbers, from the third field on.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    let booted = text("/proc/stat").lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
    let line = |name: &str| {
        let found =
            status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
        found.unwrap_or(0)
    };
    let limit = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    Process {
        cpu_seconds: (field(14) + field(15)) / TICKS,
        started: booted.unwrap_or(0.0) + field(22) / TICKS,
        resident: line("VmRSS:") * 1024,
        virtual_memory: line("VmSize:") * 1024,
        threads: line("Threads:"),
        files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1)) as u64,
        files_limit: limit.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours() {
        let process = read();
        assert!(process.resident > 1 << 20 && process.virtual_memory > process.resident, "{process:?}");
        assert!(
            process.threads > 1 && process.files > 2 && process.files_limit >= process.files,
            "{process:?}"
        );
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(process.started > 1e9 && process.started < now + 1.0, "{process:?}");
    }
}
