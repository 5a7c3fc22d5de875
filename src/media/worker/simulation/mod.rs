//! The whole engine in a world of its own: a worker's [`Core`](super::core::Core) with its PeerConnections, clients that
//! are PeerConnections too, a clock that only we move, and a network that loses, doubles, reorders and forges.
//!
//! A world follows from its seed: the network's mischief, who moves where and when. Keys and certificates are fresh in
//! each run; they change no decision of the world. A seed that fails is printed, and kept in [`FAILED_ONCE`];
//! `JANUS_RS_WORLD=7` runs that one alone.

mod client;
mod network;
pub mod time;
mod world;

pub use client::shared;
pub use world::Nobody;

use crate::util::lock::Lock;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use world::World;

/// Seeds that showed a fault at some time, apart from those that run anyway.
const FAILED_ONCE: [u64; 58] = [
    234, // An echo of packets that were overtaken by the first one ended the SRTP of who missed them.
    // A lite agent settled on the address of a nomination that was not the handshake's, and sent its answers there.
    433, 467, 1193, 1196, 1342,
    // Whose ClientHello had come to another PeerConnection once was taken for that one's, for ever.
    489, 881, 1378, 1503, 1923,
    // A flight of the one was given to the other, whose path had been moved there.
    969,
    // Another's ClientHello in the middle of a handshake made the peer's own next flight end in nothing.
    1360, // These four, among the first 10,000.
    2310, 2400, 2434, 3250, 3293, 3315, 3355, 3407, 3474, 4031, 4210, 4438, 4451, 4683, 4686, 4771, 4799,
    4806, 4859, 5109, 5718, 5843, 5950, 5955, 6085, 6139, 6629, 6707, 7025, 7311, 7508, 7867, 8292, 8552,
    8685, 9348, 9605, 9714,
    // A copy of a lite server's first nomination came from another's address before the request itself, which was then
    // taken for the copy: the flights of the handshake went to the other one, and broke that one's.
    3075, 8737,
    // These two succeed since a ClientHello that is not the first one has to prove itself.
    6488, 8729,
    // Of 691, besieged. A ClientHello of a client's own with another's address was taken for its handshake, which gave way when
    // that one came; it had read a ServerHello, and could not be asked for a cookie any more.
    4294967987,
    // Of 1571, besieged: a lite agent remembered one nomination, and the forged one displaced the one that media was about to prove.
    4294968867,
    // All checks of a client were lost, or the answers to them: nobody restarted its ICE, as applications do.
    2236,
];

#[test]
fn one_world() {
    if let Some(seed) = std::env::var("JANUS_RS_WORLD").ok().and_then(|seed| seed.parse().ok()) {
        world(seed).live();
    }
}

/// More than are tried on one packet, and nothing but their keys tells whose it is.
#[test]
fn everybody_behind_one_address_gets_a_turn() {
    let mut world = World::on_one_socket(6, None);
    for client in 0..6 {
        assert!(world.prefers_who_connects(client), "{client}");
    }
    world.live();
}

/// Forged ClientHellos with a client's address neither take its place nor keep it waiting, for however long they come.
#[test]
fn forged_hellos_do_not_keep_a_client_out() {
    for (lite, many) in [(false, false), (true, false), (false, true), (true, true)] {
        // Just before, together with, and behind a forged one; and when what the first one brought about is repeated.
        for joins in [1_495, 1_505, 1_700, 1_990] {
            let outcome = World::stands_a_siege(lite, joins, many);
            assert_eq!(outcome, Ok(()), "lite: {lite}, many: {many}, at {joins}");
        }
    }
}

/// What runs in the place of one PeerConnection is another's when that one leaves.
#[test]
fn a_handshake_outlives_the_one_that_it_came_to() {
    for (lite, hello) in [(true, false), (true, true), (false, false), (false, true)] {
        for leaves in (5..200).step_by(5) {
            let outcome = World::outlives_its_host(lite, hello, leaves);
            assert_eq!(outcome, Ok(()), "lite: {lite}, with a ClientHello: {hello}, after {leaves} ms");
        }
    }
}

#[test]
fn who_asks_is_answered_however_much_others_had_sent_there() {
    assert!(World::connects_although_its_host_was_sent_enough());
}

#[test]
fn a_time_that_is_put_off_again_and_again_is_one_entry() {
    let most = World::timers_under_a_flood();
    assert!(most <= 8, "{most} entries");
}

/// A log that panics over the first line of this level.
pub struct Delicate {
    level: tracing::Level,
    has_panicked: AtomicBool,
}

impl Delicate {
    pub fn at(level: tracing::Level) -> Delicate {
        Delicate { level, has_panicked: AtomicBool::new(false) }
    }
}

impl tracing::Subscriber for Delicate {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        if !self.has_panicked.swap(true, Ordering::Relaxed) {
            panic!("{:?}", event.metadata());
        }
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// It costs the PeerConnection that was worked on; its place is free, and the other one on the same socket goes on.
#[test]
fn a_panic_at_the_end_of_a_handshake_takes_one_seat() {
    let outcome = tracing::subscriber::with_default(Delicate::at(tracing::Level::ERROR), || {
        World::on_one_socket(2, Some(1)).until_a_panic()
    });
    assert_eq!(outcome, (Some(1), true));
}

/// Of a world of the seed without it, with somebody who goes on forging ClientHellos.
const BESIEGED: u64 = 1 << 32;

fn world(seed: u64) -> World {
    match seed.checked_sub(BESIEGED) {
        Some(seed) => World::besieged(seed),
        None => World::new(seed),
    }
}

/// `JANUS_RS_WORLDS=10000` runs so many, from the first seed on; every fourth one is besieged.
#[test]
fn worlds_of_many_seeds_keep_their_promises() {
    let count = std::env::var("JANUS_RS_WORLDS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let next = std::sync::atomic::AtomicU64::new(0);
    let failed = Lock::new(Vec::<String>::new());
    let seed_at = |n: u64| match FAILED_ONCE.get(n as usize) {
        Some(seed) => *seed,
        None => {
            let seed = n - FAILED_ONCE.len() as u64;
            if seed % 4 == 3 { seed | BESIEGED } else { seed }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if n >= count + FAILED_ONCE.len() as u64 {
                        break;
                    }
                    let seed = seed_at(n);
                    if let Err(why) = catch_unwind(|| world(seed).live()) {
                        let why = why.downcast_ref::<String>().cloned().unwrap_or_default();
                        let story = world(seed).story();
                        failed.lock().push(format!("seed {seed}: {why}\n    {story}\n"));
                    }
                }
            });
        }
    });
    let failed = std::mem::take(&mut *failed.lock());
    assert!(failed.is_empty(), "{} of {count} worlds failed:\n{}", failed.len(), failed.concat());
}
