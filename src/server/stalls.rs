//! `janus-rs.jcfg`: `general: { stall_limit = 2 }`, how many seconds a plugin's media callback may keep the other
//! PeerConnections of its worker waiting; 0: for ever.
#![forbid(unsafe_code)]

use crate::config::Config;
use std::path::Path;
use std::time::Duration;

const FILE: &str = "janus-rs.jcfg";
const DEFAULT: Duration = Duration::from_secs(2);

/// `None`: nothing is done about it. The error is one line.
pub fn limit(folder: &Path) -> Result<Option<Duration>, String> {
    let file = folder.join(FILE);
    if !file.exists() {
        return Ok(Some(DEFAULT));
    }
    let config = Config::parse_file(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(of(config.value("general", "stall_limit")))
}

fn of(value: Option<&str>) -> Option<Duration> {
    let Some(value) = value else { return Some(DEFAULT) };
    match value.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(Duration::ZERO) => None,
        Some(limit) => Some(limit),
        None => {
            tracing::warn!("Ignoring stall_limit in {FILE}: {value}");
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
