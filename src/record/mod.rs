//! Recordings (`.mjr`) and packet captures.
#![forbid(unsafe_code)]

pub mod capture;
pub mod mjr;
pub mod recorder;

pub use capture::Capture;
pub use recorder::{CreateError, Medium, Recorder, SaveError};
