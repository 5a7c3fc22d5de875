//! The load program's own test: a small room, in which nothing is lost.

use peers::load::{Plan, run};
use peers::server::Server;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_viewer_gets_every_packet() {
    let server = Server::start().await;
    let plan = Plan { viewers: 5, length: Duration::from_secs(2), rate: 100, size: 1000, second: None };
    let figures = run(server.port(), plan).await;
    assert_eq!(figures.sent, 200);
    assert_eq!(figures.received, figures.expected, "{figures:?}");
    server.stop().await;
}
