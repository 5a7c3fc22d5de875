//! RTCP (RFC 3550 §6, RFC 4585, RFC 5104, REMB, transport-wide feedback): reading, rewriting and building compounds,
//! and the statistics behind reports. Plain Rust over byte slices; nothing here allocates, locks or reads a clock.
#![forbid(unsafe_code)]

pub mod compound;
pub mod context;
pub mod feedback;
pub mod nack;
pub mod remb;
pub mod report;
pub mod sdes;
pub mod ssrc;
pub mod twcc;

pub use compound::{Block, Malformed, Walk, is_rtcp};
pub use context::Context;
pub use report::ReportBlock;
