//! Crowds leave a room at once, and rooms come and go: nothing of them stays behind.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use peers::api::Handle;
use peers::feed::Feed;
use peers::process::Held;
use peers::room::{assert_all_arrived, create, destroy, guest};
use peers::server::Server;
use peers::until;
use peers::viewer::Viewer;
use std::time::Duration;
use tokio::time::Instant;

/// And those that follow, one for each cycle.
const ROOM: u64 = 20_000;
const CROWD: usize = 200;
/// Of the crowd that connect at a time.
const AT_ONCE: usize = 10;
/// Subscribers that share a session.
const PER_SESSION: usize = 10;
const ROUNDS: usize = 3;
/// How long rooms come and go, and how long of it until everything is there that is made on first use.
const CHURN: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_secs(15);
/// Of resident memory, from one state of rest to a later one.
const GROWTH: f64 = 1.1;

/// They go in one burst, each quarter in a way of its own; who stays gets every packet of all rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_subscribers_leave_at_once() {
    let server = Server::start().await;
    let _owner = create(&server, ROOM).await;
    let feed = Feed::publish(guest(&server).await, ROOM, 1).await;
    let staying = Viewer::watch(guest(&server).await, ROOM, &[1]).await;
    feed.run(10).await;
    let before = server.at_rest(3, None).await;
    let mut rest = vec![];
    for round in 0..ROUNDS {
        let crowd = async {
            let crowd = gather(&server).await;
            let busy = Held::by(server.id());
            let all = server.registered().await.1;
            assert_eq!(all, CROWD + 3, "round {round}");
            scatter(crowd).await;
            busy
        };
        let busy = tokio::select! {
            busy = crowd => busy,
            () = feed.run_on() => unreachable!(),
        };
        let held = server.at_rest(3, None).await;
        println!("round {round}: with {CROWD} subscribers {busy:?}, afterwards {held:?}");
        rest.push(held);
        feed.run(10).await;
    }
    server.at_rest(3, Some(before)).await;
    assert_all_arrived("who stays", &feed, &staying, 0).await;
    let growth = rest[ROUNDS - 1].resident as f64 / rest[0].resident as f64;
    assert!(growth <= GROWTH, "memory grew to {growth:.3} of what the first round left: {rest:?}");
    server.stop().await;
}

/// Subscribers by session.
async fn gather(server: &Server) -> Vec<Vec<Viewer>> {
    let sessions = stream::iter(0..CROWD / PER_SESSION).map(async |_| {
        let first = guest(server).await;
        let mut viewers = vec![];
        for _ in 0..PER_SESSION {
            let handle = match viewers.len() {
                0 => first.clone(),
                _ => first.api.attach(first.session, "videoroom").await,
            };
            viewers.push(Viewer::ignore(handle, ROOM, &[1]).await);
        }
        viewers
    });
    sessions.buffer_unordered(AT_ONCE).collect().await
}

/// All at once; every session ends with it.
async fn scatter(crowd: Vec<Vec<Viewer>>) {
    let departures = crowd.into_iter().enumerate().map(async |(nth, viewers)| {
        let handle = viewers[0].handle.clone();
        match nth % 4 {
            0 => {}                              // the whole session below
            1 => return drop((viewers, handle)), // sockets and connection closed without a word
            2 => drop(join_all(viewers.iter().map(|viewer| viewer.handle.hangup())).await),
            _ => drop(join_all(viewers.iter().map(|viewer| viewer.handle.detach())).await),
        }
        handle.api.destroy(handle.session).await;
    });
    join_all(departures).await;
}

/// Rooms with a publisher and two subscribers, destroyed while packets flow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_come_and_go() {
    let server = Server::start().await;
    let begun = Instant::now();
    let mut warm = None;
    let mut cycles = 0;
    while begun.elapsed() < CHURN {
        cycle(&server, ROOM + cycles).await;
        cycles += 1;
        if warm.is_none() && begun.elapsed() >= WARM_UP {
            warm = Some((cycles, server.at_rest(0, None).await));
        }
    }
    let (before, warm) = warm.expect("a warm-up");
    let held = server.at_rest(0, Some(warm)).await;
    println!("after {before} rooms {warm:?}, after {cycles} {held:?}");
    assert!(cycles - before > 10, "{cycles} rooms in {CHURN:?}");
    let growth = held.resident as f64 / warm.resident as f64;
    assert!(growth <= GROWTH, "memory grew to {growth:.3}: {warm:?}, {held:?}");
    server.stop().await;
}

async fn cycle(server: &Server, room: u64) {
    let owner = create(server, room).await;
    let feed = Feed::publish(guest(server).await, room, 1).await;
    let watch = async || Viewer::watch(guest(server).await, room, &[1]).await;
    let viewers: [Viewer; 2] = tokio::join!(watch(), watch()).into();
    let destroyed = async {
        for viewer in &viewers {
            until("media", async || (viewer.count(viewer.streams[1].ssrc) >= 20).then_some(())).await;
        }
        destroy(&owner, room).await;
        // Publishers are told, and hung up; subscribers are left alone.
        feed.handle.notification("end of the room", |event| event["videoroom"] == "destroyed").await;
        feed.handle.event("hangup").await;
    };
    tokio::select! {
        () = destroyed => {}
        () = feed.run_on() => unreachable!(),
    }
    let handles = [&owner, &feed.handle, &viewers[0].handle, &viewers[1].handle];
    join_all(handles.map(|handle: &Handle| handle.api.destroy(handle.session))).await;
}
