//! Plugins that need no module, for a system that has none: what a client needs to see itself.
#![forbid(unsafe_code)]

pub mod echo;
