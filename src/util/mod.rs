//! Small things used everywhere that std lacks.
#![forbid(unsafe_code)]

pub mod append;
pub mod atomic;
pub mod event;
pub mod files;
pub mod gzip;
pub mod lock;
pub mod network;
pub mod numbers;
pub mod pidfile;
pub mod random;
pub mod relief;
pub mod seldom;
pub mod serial;
pub mod text;
pub mod thread;
pub mod time;
