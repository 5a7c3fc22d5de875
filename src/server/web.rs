//! Runs the built-in web server, when `janus-rs.jcfg` in the configuration folder asks for it:
//! `web: { enabled = true, ip = "0.0.0.0", port = 8090 }`. The reference ignores that file.
#![forbid(unsafe_code)]

use super::error::{OptionError, StartError};
use crate::config::Config;
use crate::core::Core;
use crate::options::{File, WEB_ENABLED, WEB_IP, WEB_PORT};
use crate::transports::web::{Health, WebServer};
use crate::util::lock::Lock;
use crate::util::thread::{self, Mask};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// The web server and the thread that it runs on; both end when this is dropped.
pub struct Web {
    ending: Arc<AtomicBool>,
    server: Option<WebServer>,
    runtime: Option<Runtime>,
}

impl Web {
    /// `None` when it is not asked for. Errors end the start: somebody wants a page that cannot be served.
    pub fn start(own: &Config, core: &Arc<Core>) -> Result<Option<Web>, StartError> {
        if !WEB_ENABLED.of(own) {
            return Ok(None);
        }
        let address = address(own)?;
        let ending = Arc::new(AtomicBool::new(false));
        let health = {
            let (core, seen, ending) = (Arc::downgrade(core), Arc::new(Lock::new(None)), ending.clone());
            move || {
                let core = core.upgrade()?;
                // Threads that were told to end give no answer.
                if ending.load(Ordering::Relaxed) {
                    return Some(Health::Draining);
                }
                health(&core, &seen)
            }
        };
        let why = |error| StartError::Web { address, error };
        // Its threads start here, and those that they start inherit their mask.
        let runtime = thread::with(Mask::Ours, || {
            Builder::new_multi_thread().worker_threads(1).thread_name("web").enable_all().build()
        });
        let runtime = runtime.map_err(why)?;
        let server = runtime.block_on(WebServer::start(address, health)).map_err(why)?;
        tracing::info!("Web page at http://{}/", server.address());
        Ok(Some(Web { ending, server: Some(server), runtime: Some(runtime) }))
    }

    /// `/readyz` and `/healthz` say from now on that nobody should be sent here, and nobody is asked for a sign of life any more.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        drop(self.server.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long a sign of life may take, and how long one counts: whoever asks often costs no more than who asks seldom.
const LIMIT: Duration = Duration::from_secs(2);
const COUNTS: Duration = Duration::from_secs(1);

/// When it was looked last, and what was seen.
type Seen = Lock<Option<(Instant, Health)>>;

/// What was seen, unless that is too old: an answer does not become younger by being given once more.
fn seen_or(
    seen: &mut Option<(Instant, Health)>,
    clock: impl Fn() -> Instant,
    look: impl FnOnce() -> Health,
) -> Health {
    match seen {
        Some((at, health)) if clock().saturating_duration_since(*at) < COUNTS => health.clone(),
        _ => {
            let health = look();
            // From its end: whoever waited meanwhile does not look once more.
            *seen = Some((clock(), health.clone()));
            health
        }
    }
}

fn health(core: &Core, seen: &Seen) -> Option<Health> {
    let alive = seen_or(&mut seen.lock(), Instant::now, || match core.answers(LIMIT) {
        Ok(()) => Health::Ready,
        Err(who) => Health::Stuck(who),
    });
    let wanted = core.live.accepting_sessions.load(Ordering::Relaxed);
    Some(if !wanted && alive == Health::Ready { Health::Draining } else { alive })
}

fn address(own: &Config) -> Result<SocketAddr, OptionError> {
    let (ip, port) = (WEB_IP.of(own).unwrap_or_default(), WEB_PORT.of(own).unwrap_or_default());
    let no =
        |text: &str, expected| OptionError::Web { file: File::Own.name(), text: text.to_owned(), expected };
    let ip: IpAddr = ip.parse().map_err(|_| no(ip, "an address"))?;
    let port = port.parse().map_err(|_| no(port, "a port"))?;
    Ok(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_often_is_told_what_is_so_now() {
        let (mut seen, mut looks) = (None, 0);
        let start = Instant::now();
        for step in 0..40 {
            let now = start + Duration::from_millis(100) * step;
            let health = seen_or(
                &mut seen,
                || now,
                || {
                    looks += 1;
                    Health::Stuck(looks.to_string())
                },
            );
            assert_eq!(health, Health::Stuck(looks.to_string()));
        }
        assert_eq!(looks, 4);
    }
}
