//! Small things used everywhere that std lacks.
#![forbid(unsafe_code)]

pub mod random;
pub mod time;
