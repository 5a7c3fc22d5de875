//! A module's file: is it sound, what does it say about itself, and which ABI generation follows from that.
#![no_main]

use janus_rs::modules::elf;
use janus_rs::modules::generation::{Candidate, Sibling, decide};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

/// Every plugin API number that stands for more than one layout, one that does not, and one that is not known.
const APIS: [i32; 8] = [14, 15, 16, 20, 102, 106, 107, -1];

fuzz_target!(|file: &[u8]| {
    let Ok(module) = elf::parse(file) else { return };
    let path = Path::new("/plugins/libjanus_echotest.so");
    let beside = |api| Sibling { path: "/plugins/other.so".into(), module: module.clone(), api };
    for api in APIS {
        for package in ["janus.plugin.echotest", "org.example.plugin"] {
            let candidate = Candidate { api, package, path, module: &module };
            for siblings in [vec![], vec![beside(None)], vec![beside(Some(api))]] {
                if let Err(why) = decide(candidate, &siblings, None) {
                    let why = why.to_string();
                    assert!(!why.contains('\n'), "one line: {why}");
                }
            }
        }
    }
});
