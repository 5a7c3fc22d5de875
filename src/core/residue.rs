//! Memory that is free but still resident: given back to the system on a quiet moment.
//!
//! The allocator keeps what was freed for whoever asks next. After one request that took hundreds of megabytes that is
//! nobody. Giving back takes the allocator's locks for a moment: so not while there is work, not again and again when most
//! of it is in use, and not at all while the process is about as large as it has been without that request.
#![forbid(unsafe_code)]

use crate::glib;
use std::time::{Duration, Instant};

/// Bytes. Less than this is not worth it.
const WORTH: usize = 16 << 20;
/// Jobs of the control pool between two looks that are no work.
const QUIET: u64 = 16;
/// Between two tries, longer than GLib keeps what nobody uses; doubled, up to [`LONGEST`], when a try brings nothing.
const PAUSE: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Looked at now and then.
#[derive(Debug)]
pub struct Residue {
    /// Least bytes that were resident.
    least: usize,
    jobs: u64,
    /// Something was done since the last try, or that one brought something.
    worked: bool,
    next: Option<Instant>,
    pause: Duration,
}

impl Default for Residue {
    fn default() -> Residue {
        Residue { least: usize::MAX, jobs: 0, worked: false, next: None, pause: PAUSE }
    }
}

impl Residue {
    /// `jobs`: how many the control pool was ever given.
    pub fn look(&mut self, jobs: u64) {
        let before = self.least;
        if self.look_at(jobs, Instant::now(), resident, glib::give_back) {
            tracing::debug!(
                "Memory was given back: least resident {} MB, before {}",
                self.least >> 20,
                before >> 20
            );
        }
    }

    /// True when it was tried.
    fn look_at(
        &mut self,
        jobs: u64,
        now: Instant,
        resident: impl Fn() -> Option<usize>,
        give_back: impl FnOnce(),
    ) -> bool {
        let new = jobs - std::mem::replace(&mut self.jobs, jobs);
        self.worked |= new > 0;
        if new > QUIET {
            return false;
        }
        let Some(before) = resident() else { return false };
        self.least = self.least.min(before);
        let too_early = self.next.is_some_and(|next| now < next);
        if !self.worked || too_early || before < self.least.saturating_add(WORTH) {
            return false;
        }
        give_back();
        let after = resident().unwrap_or(before);
        self.least = self.least.min(after);
        self.worked = after + WORTH <= before;
        self.pause = if self.worked { PAUSE } else { (self.pause * 2).min(LONGEST) };
        self.next = Some(now + self.pause);
        true
    }
}

/// Bytes of this process in the machine's memory.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const MIB: usize = 1 << 20;

    #[test]
    fn only_when_it_is_quiet_and_worth_it() {
        let mut residue = Residue::default();
        let (memory, in_use) = (Cell::new(30 * MIB), Cell::new(30 * MIB));
        let start = Instant::now();
        let mut look = |jobs, seconds| {
            let now = start + Duration::from_secs(seconds);
            residue.look_at(jobs, now, || Some(memory.get()), || memory.set(in_use.get()))
        };
        assert!(!look(1, 0));
        // Large, and busy; then quiet.
        memory.set(200 * MIB);
        assert!(!look(100, 2));
        assert!(look(101, 4));
        assert_eq!(memory.get(), 30 * MIB);
        // Large again at once: not within the pause.
        memory.set(200 * MIB);
        in_use.set(60 * MIB);
        assert!(!look(102, 6) && look(103, 25));
        // It brought something, so it is tried once more although nothing was done; not for ever.
        in_use.set(30 * MIB);
        assert!(!look(103, 44) && look(103, 46) && memory.get() == 30 * MIB);
        memory.set(46 * MIB);
        in_use.set(46 * MIB);
        assert!(look(103, 70) && !look(103, 200));
        // In use: tried more and more seldom, and only when something was done.
        memory.set(300 * MIB);
        in_use.set(300 * MIB);
        assert!(look(104, 200) && !look(104, 400) && look(105, 400) && !look(106, 550) && look(107, 600));
        // Freed at last.
        in_use.set(40 * MIB);
        assert!(look(109, 2000));
        assert_eq!(memory.get(), 40 * MIB);
    }

    #[test]
    fn the_systems_figures_can_be_read() {
        let before = resident().unwrap();
        let mut blocks: Vec<Vec<u8>> = (0..1000).map(|_| vec![1; 100_000]).collect();
        let during = resident().unwrap();
        assert!(during > before + 50_000_000, "{before} {during}");
        blocks.clear();
        glib::give_back();
        assert!(resident().unwrap() < during - 50_000_000);
    }
}
