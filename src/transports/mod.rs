//! Transports that need no module. For now the web server that shows the page in `demos/` and tells whether the
//! process is well; the Janus API itself comes through transport modules.
#![forbid(unsafe_code)]

pub mod web;
