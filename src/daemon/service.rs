//! What a service manager such as systemd is told (sd_notify(3)): that we are ready, how we are, that we stop. Without
//! `NOTIFY_SOCKET` nobody is told anything.
#![forbid(unsafe_code)]

use crate::core::Core;
use crate::util::thread;
use sd_notify::NotifyState;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Between two lines about how we are.
const STATUS: Duration = Duration::from_secs(10);

/// Tells how the server is, until this is dropped.
pub struct Service {
    _stop: Option<Sender<()>>,
}

impl Service {
    /// Everything has been started. Where the manager wants signs of life (`WatchdogSec=`), it gets one only when a control
    /// thread and all media workers have answered.
    pub fn ready(core: &Arc<Core>) -> io::Result<Service> {
        tell(&[NotifyState::Ready, NotifyState::Status(&status(core))]);
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Service { _stop: None });
        }
        let (stop, stopped) = channel::<()>();
        let watchdog = sd_notify::watchdog_enabled();
        let pause = watchdog.map_or(STATUS, |limit| (limit / 3).min(STATUS));
        let core: Weak<Core> = Arc::downgrade(core);
        thread::spawn("service", move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
                let Some(core) = core.upgrade() else { return };
                match watchdog.map(|limit| core.answers(limit / 3)) {
                    Some(Ok(())) => tell(&[NotifyState::Watchdog]),
                    Some(Err(who)) => {
                        tracing::error!("No sign of life from {who}: the service manager is told nothing")
                    }
                    None => {}
                }
                tell(&[NotifyState::Status(&status(&core))]);
            }
        })?;
        Ok(Service { _stop: Some(stop) })
    }

    /// `left`: PeerConnections that are waited for, if they are.
    pub fn stopping(&self, left: Option<usize>) {
        let status = left.map_or("Stopping".to_owned(), |left| format!("Waiting for {left} PeerConnections"));
        tell(&[NotifyState::Stopping, NotifyState::Status(&status)]);
    }
}

fn status(core: &Core) -> String {
    format!("{} sessions, {} PeerConnections", core.sessions().len(), core.peer_connections())
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("The service manager does not hear us: {error}");
    }
}
