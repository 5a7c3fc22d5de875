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
    draining: Arc<AtomicBool>,
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
        let draining = Arc::new(AtomicBool::new(false));
        let health = {
            let draining = draining.clone();
            let (core, seen) = (Arc::downgrade(core), Arc::new(Lock::new(None)));
            move || health(&*core.upgrade()?, draining.load(Ordering::Relaxed), &seen)
        };
        let why = |error| StartError::Web { address, error };
        // Its threads start here, and those that they start inherit their mask.
        let runtime = thread::with(Mask::Ours, || {
            Builder::new_multi_thread().worker_threads(1).thread_name("web").enable_all().build()
        });
        let runtime = runtime.map_err(why)?;
        let server = runtime.block_on(WebServer::start(address, health)).map_err(why)?;
        tracing::info!("Web page at http://{}/", server.address());
        Ok(Some(Web { draining, server: Some(server), runtime: Some(runtime) }))
    }

    /// `/readyz` and `/healthz` say from now on that nobody should be sent here.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
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

fn health(core: &Core, draining: bool, seen: &Seen) -> Option<Health> {
    let mut seen = seen.lock();
    let alive = match &*seen {
        Some((at, health)) if at.elapsed() < COUNTS => health.clone(),
        _ => match core.answers(LIMIT) {
            Ok(()) => Health::Ready,
            Err(who) => Health::Stuck(who),
        },
    };
    *seen = Some((Instant::now(), alive.clone()));
    let full = draining || !core.live.accepting_sessions.load(Ordering::Relaxed);
    Some(if full && alive == Health::Ready { Health::Draining } else { alive })
}

fn address(own: &Config) -> Result<SocketAddr, OptionError> {
    let (ip, port) = (WEB_IP.of(own).unwrap_or_default(), WEB_PORT.of(own).unwrap_or_default());
    let no =
        |text: &str, expected| OptionError::Web { file: File::Own.name(), text: text.to_owned(), expected };
    let ip: IpAddr = ip.parse().map_err(|_| no(ip, "an address"))?;
    let port = port.parse().map_err(|_| no(port, "a port"))?;
    Ok(SocketAddr::new(ip, port))
}
