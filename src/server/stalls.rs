//! `janus-rs.jcfg`: `general: { stall_limit = 2 }`, how many seconds a plugin's media callback may keep the other
//! PeerConnections of its worker waiting; 0: for ever.
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::options::{File, STALL_LIMIT};
use std::time::Duration;

const DEFAULT: Duration = Duration::from_secs(2);

/// `None`: nothing is done about it.
pub fn limit(own: &Config) -> Option<Duration> {
    of(STALL_LIMIT.of(own))
}

fn of(value: Option<&str>) -> Option<Duration> {
    let Some(value) = value else { return Some(DEFAULT) };
    match value.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(Duration::ZERO) => None,
        Some(limit) => Some(limit),
        None => {
            tracing::warn!("Ignoring stall_limit in {}: {value}", File::Own.name());
            Some(DEFAULT)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_or_never() {
        let ms = |value| of(value).map(|limit| limit.as_millis());
        let read = [None, Some("0.5"), Some("3"), Some("0"), Some("-1"), Some("soon")].map(ms);
        assert_eq!(read, [Some(2000), Some(500), Some(3000), None, Some(2000), Some(2000)]);
    }
}
