//! The log: callers queue finished lines and never wait; one thread writes them to stdout, a file and the logger
//! modules.
//!
//! Lines keep their order. Lines from before [`init`] are kept for it (HL-036, CP-331); [`stop`] writes what waits.
//! Our own code logs with `tracing`, through [`Lines`].
#![forbid(unsafe_code)]

mod level;
mod line;
mod logger;
mod outputs;
mod structured;
mod subject;
mod subscriber;
#[cfg(test)]
mod tests;

pub use level::{Level, Place, Settings};
pub use line::{Composed, compose};
pub use logger::Logger;
pub use subject::Subject;
pub use subscriber::{FATAL, Lines};

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    pub stdout: bool,
    /// Appended to.
    pub file: Option<PathBuf>,
}

/// Another receiver of lines: a logger module (HL-037, CP-329).
pub trait LogSink: Send + Sync {
    /// `timestamp_us` is the wall clock when the line was queued; `line` is as printed, with colours and line end.
    /// Called from the log's thread, one line at a time.
    fn incoming_logline(&self, timestamp_us: i64, line: &str);
}

static LOG: LazyLock<Arc<Logger>> = LazyLock::new(Arc::default);

/// Starts the log of the process; does nothing while it runs. Fails when the file cannot be opened.
pub fn init(config: LogConfig) -> io::Result<()> {
    LOG.start(config)
}

/// True when somebody besides stdout and the file receives lines.
pub fn has_sinks() -> bool {
    LOG.has_sinks()
}

/// Queues one line, line end included. Never waits; ignored between [`stop`] and the next start.
pub fn write_line(line: Composed) {
    LOG.write(line);
}

/// Adds a receiver of lines.
pub fn add_sink(sink: Arc<dyn LogSink>) {
    LOG.add_sink(sink);
}

/// Takes a receiver away again; it gets no line after this returns. Give up all other references to it before.
pub fn remove_sink(sink: Arc<dyn LogSink>) {
    LOG.remove_sink(sink);
}

/// Opens the log file anew, for log rotation.
pub fn rotate() {
    LOG.rotate();
}

/// In a child of fork() whose parent's log runs: it can be started anew.
pub fn leave_to_parent() {
    LOG.leave_to_parent();
}

/// Ends the log and returns when everything is written.
pub fn stop() {
    LOG.stop();
}

/// Lines that there was no room for, ever.
pub fn lost() -> u64 {
    LOG.lost()
}

/// What the log was started with; `None` before.
pub fn config() -> Option<LogConfig> {
    LOG.config()
}
