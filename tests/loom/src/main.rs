//! Models of what threads do to each other without locks, run in every order that the memory model allows: a worker's
//! ring, its bell, and the life of a session's slot. The files are those of the library; around them stand the modules
//! that they name, with loom's atomics and with memory that notices when two threads meet in it.
//!
//! `LOOM_PREEMPTIONS` says how often a thread may be interrupted at any point (without it: as often as it can be). With the feature
//! `threads` each model runs `ROUNDS` times (without it: 300) as the machine happens to order it, and something else watches.
#![allow(dead_code, reason = "of each file some functions are used")]

mod around;
mod checked;
#[cfg_attr(feature = "threads", path = "../../../src/media/worker/memory.rs")]
mod memory;
mod models;

#[path = "../../../src/media/address.rs"]
mod address;
#[path = "../../../src/media/worker/bell.rs"]
mod bell;
#[path = "../../../src/rtp/extensions.rs"]
mod extensions;
#[path = "../../../src/media/worker/latest.rs"]
mod latest;
#[path = "../../../src/modules/life.rs"]
mod life;
#[path = "../../../src/media/worker/ring.rs"]
mod ring;
#[path = "../../../src/media/worker/share.rs"]
mod share;

use around::{media, rtp, util};

type Model = (&'static str, fn());

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let models: Vec<Model> = [models::ring::MODELS, models::bell::MODELS, models::life::MODELS].concat();
    let mut ran = 0;
    for (name, model) in models {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            println!("{name}: passed, {}", run(model));
            ran += 1;
        }
    }
    println!("Ran {ran} models");
    assert!(ran > 0, "no model has such a name");
}

/// Runs the model with real threads; how often.
#[cfg(feature = "threads")]
fn run(model: fn()) -> String {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    (0..rounds).for_each(|_| model());
    format!("{rounds} rounds")
}

/// Runs the model in every order; how many there were.
#[cfg(not(feature = "threads"))]
fn run(model: fn()) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let before = COUNT.load(Ordering::Relaxed);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = std::env::var("LOOM_PREEMPTIONS").ok().and_then(|text| text.parse().ok());
    builder.max_branches = 100_000;
    builder.check(move || {
        COUNT.fetch_add(1, Ordering::Relaxed);
        model();
    });
    format!("{} orders", COUNT.load(Ordering::Relaxed) - before)
}
