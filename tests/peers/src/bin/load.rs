//! `load PORT VIEWERS SECONDS PACKETS_PER_SECOND BYTES [SECOND_PORT]`: one publisher and many viewers of a videoroom, and what came
//! of it as one line of JSON. PORT is where the server's Janus API listens for WebSockets; with SECOND_PORT, that server has as
//! many viewers once more, by RTP that the first forwards to it.

use peers::load::{Plan, run};
use serde_json::json;
use std::time::Duration;

#[tokio::main]
async fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).map_while(|text| text.parse().ok()).collect();
    let [port, viewers, seconds, rate @ 1..=1_000_000, size, ref second @ ..] = numbers[..] else {
        eprintln!("usage: load PORT VIEWERS SECONDS PACKETS_PER_SECOND BYTES [SECOND_PORT]");
        std::process::exit(2);
    };
    let plan = Plan {
        viewers: viewers as usize,
        length: Duration::from_secs(seconds.into()),
        rate,
        size: size as usize,
        second: second.first().map(|port| u16::try_from(*port).expect("a port")),
    };
    let figures = run(u16::try_from(port).expect("a port"), plan).await;
    let milliseconds = figures.latency.map(|latency| latency.as_secs_f64() * 1e3);
    println!(
        "{}",
        json!({
            "viewers": viewers,
            "sent": figures.sent,
            "expected": figures.expected,
            "received": figures.received,
            "received_there": figures.received_there,
            "latency_ms": {"median": milliseconds[0], "p99": milliseconds[1], "longest": milliseconds[2]},
        })
    );
}
