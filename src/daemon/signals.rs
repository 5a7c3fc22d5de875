//! Signals (control-plane.md §1.6): the first SIGINT or SIGTERM stops gracefully, the second is only mentioned, the
//! third ends the process at once (CP-069, CP-070); while calls are waited for (`shutdown_timeout`), the second ends the
//! waiting. SIGHUP, and what is configured besides, reopens the log; SIGHUP also reads
//! the configuration again.
#![forbid(unsafe_code)]

use crate::util::thread;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What else is done at SIGHUP.
type Hook = Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>;

/// The signals that stop.
pub struct Stops {
    signals: Receiver<i32>,
    waiting: Arc<AtomicBool>,
    hangup: Hook,
}

impl Stops {
    /// Waits for the first.
    pub fn first(&self) -> i32 {
        self.signals.recv().unwrap_or(0)
    }

    /// SIGHUP does this, too, from now on.
    pub fn at_hangup(&self, act: impl Fn() + Send + Sync + 'static) {
        let _ = self.hangup.set(Box::new(act));
    }

    /// Whether one more would end the waiting, instead of being mentioned only.
    pub fn set_waiting(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Release);
    }

    /// True when it came within this time.
    pub fn another(&self, within: Duration) -> bool {
        self.signals.recv_timeout(within).is_ok()
    }
}

/// The signal of `general.log_rotate_sig`; `None` for names that are not allowed (CP-044).
pub fn rotation_signal(name: &str) -> Option<i32> {
    match name.to_ascii_uppercase().as_str() {
        "SIGUSR1" => Some(SIGUSR1),
        "SIGHUP" => Some(SIGHUP),
        _ => None,
    }
}

/// Starts the thread that waits for signals.
/// `rotation` reopens the log, as SIGHUP always does: nobody who rotates logs means to end the server.
pub fn watch(rotation: Option<i32>) -> io::Result<Stops> {
    let (sender, receiver) = channel();
    let waiting = Arc::new(AtomicBool::new(false));
    let hangup = Hook::default();
    let found = Stops { signals: receiver, waiting: waiting.clone(), hangup: hangup.clone() };
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP].into_iter().chain(rotation))?;
    thread::spawn("signals", move || {
        let mut stops = 0;
        for signal in signals.forever() {
            if signal == SIGHUP || Some(signal) == rotation {
                if stops == 0 {
                    crate::log::rotate();
                }
                if stops == 0
                    && signal == SIGHUP
                    && let Some(act) = hangup.get()
                {
                    act();
                }
                continue;
            }
            stops += 1;
            match stops {
                1 => {
                    tracing::info!("Stopping (signal {signal})");
                    let _ = sender.send(signal);
                }
                _ if waiting.swap(false, Ordering::AcqRel) => {
                    tracing::info!("Not waiting any longer (signal {signal})");
                    stops = 1;
                    let _ = sender.send(signal);
                }
                2 => tracing::info!("Already stopping; once more ends at once"),
                // Without the destructors of libraries whose code other threads are running.
                _ => signal_hook::low_level::exit(1),
            }
        }
    })?;
    Ok(found)
}
