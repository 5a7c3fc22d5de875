//! The threads of modules, which outlive their module's `destroy`: they run its last lines when a program's `exit` is
//! already taking down the libraries below them.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How long they get: those of the distribution's modules are gone within milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// Threads that are not the server's.
pub struct Others(HashSet<String>);

impl Others {
    /// All that there are: called before the server has any.
    pub fn of_the_program() -> Others {
        Others(all())
    }

    /// Waits until there are no threads but these, or for [`PATIENCE`], and no longer than `most`: a program may have
    /// started more meanwhile.
    pub fn wait(&self, most: Duration) {
        let limit = Instant::now() + PATIENCE.min(most);
        while !all().is_subset(&self.0) && Instant::now() < limit {
            std::thread::sleep(PAUSE);
        }
    }
}

fn all() -> HashSet<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(|task| task.file_name().to_string_lossy().into_owned()).collect()
}
