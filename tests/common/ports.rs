//! Ports for the programs under test.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port that was free a moment ago, below those that the system gives to connections and sockets without a port of
/// their own: what it gives away between this probe and the program's own bind is none of these.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| TcpListener::bind(("0.0.0.0", *port)).is_ok();
    // Suites that run beside each other have ports of their own (test.sh): the first, and how many.
    let ports = std::env::var("TEST_PORTS").unwrap_or("12000 20000".into());
    let mut ports = ports.split(' ').map(|number| number.parse::<u32>().expect("TEST_PORTS: two numbers"));
    let (first, count) = (ports.next().expect("the first"), ports.next().expect("how many"));
    (0..count)
        .map(|_| std::process::id().wrapping_mul(89).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
        .map(|number| (first + number % count) as u16)
        .find(is_free)
        .expect("a free port")
}
