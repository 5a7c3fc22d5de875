//! Plugins that need no module, for a system that has none: what a client needs to see itself, and others.
#![forbid(unsafe_code)]

pub mod echo;
pub mod room;
