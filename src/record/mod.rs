//! Recordings (`.mjr`) and packet captures.
#![forbid(unsafe_code)]

pub mod capture;
pub mod medium;
pub mod mjr;
pub mod recorder;

pub use capture::Capture;
pub use medium::Medium;
pub use recorder::{CreateError, Recorder, SaveError};
