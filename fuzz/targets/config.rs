//! Configuration files in both formats: read, written, read again.
#![no_main]

use janus_rs::config::{Config, no_include};
use libfuzzer_sys::fuzz_target;
use std::io;

fuzz_target!(|text: &[u8]| {
    for name in ["fuzz.jcfg", "fuzz.cfg"] {
        // Includes itself: depth and size have to be limited.
        let include = |_: &str| -> io::Result<Vec<u8>> { Ok(text.to_vec()) };
        let _ = Config::parse(name, text, &include);
        let Ok(config) = Config::parse(name, text, &no_include) else { continue };
        config.lines();
        config.int("general", "x");
        config.list("general", "x");
        let written = config.to_text("today");
        let again = Config::parse(name, written.as_bytes(), &no_include);
        if name.ends_with(".jcfg") {
            assert!(again.is_ok(), "{written}");
        }
    }
});
