//! What the core allocates, locks and waits for per forwarded packet: nothing. Counted in the whole server with the real
//! plugin by a library that is preloaded into it (tests/peers/counting), while packets flow and some of them are lost.

use peers::audience::Audience;
use peers::server::{Server, Settings, is_reference};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::time::{Duration, sleep};

const VIEWERS: usize = 8;
/// One packet in so many is lost, in each direction: there are NACKs and retransmissions all the time.
const LOSE_EACH: u32 = 50;
const FRAME: u32 = 10;
const PER_SECOND: u32 = 500;
/// What grows with its first use has grown by then.
const WARM_UP: u32 = 3000;
const COUNTED: u32 = 6000;

/// Work of a worker that packets do not cause, by a function on its stack, the first that fits. Consent (RFC 7675) is
/// asked for every few seconds by each side. Media and RTCP do not go through `Core::step`.
const NOT_PER_PACKET: [(&str, &str); 4] = [
    ("is::agent::IceAgent", "ICE checks"),
    // Of a method in a file of its own the name is `<impl …::Core>::run_timers`.
    ("::run_timers", "timers of about once a second"),
    ("::take_jobs", "commands of other threads"),
    ("Core::step", "STUN, DTLS, commands"),
];

/// A buffer that has to hold more than ever before grows once, after which it stays: a worker that did not run for a while
/// finds more packets waiting than ever. So often at most, in all buffers together.
const GROWTHS: u64 = 32;
const GROWTH: [&str; 3] = ["::grow_amortized", "History::resize", "Store::begin_block"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarded_packet_allocates_and_locks_nothing() {
    nothing_per_packet(Shape::Room, "a_forwarded_packet_allocates_and_locks_nothing").await;
}

/// The plugin's own thread relays to the workers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_of_a_stream_allocates_and_locks_nothing() {
    nothing_per_packet(Shape::Stream, "a_packet_of_a_stream_allocates_and_locks_nothing").await;
}

enum Shape {
    Room,
    Stream,
}

async fn nothing_per_packet(shape: Shape, test: &str) {
    if is_reference() {
        return; // other threads, other rules
    }
    let Some(counter) = Counter::here() else {
        return under_counter(test);
    };
    let server =
        Server::with(Settings { general: "event_loops = 2; session_timeout = 0;", ..Settings::default() })
            .await;
    let lose_each = NonZeroU32::new(LOSE_EACH);
    let mut audience = match shape {
        Shape::Room => Audience::gather(&server, VIEWERS, lose_each).await,
        Shape::Stream => Audience::watch(&server, VIEWERS, lose_each).await,
    };
    audience.publish(WARM_UP, FRAME, PER_SECOND).await;
    sleep(Duration::from_millis(500)).await;
    let before = audience.received();
    counter.start();
    audience.publish(COUNTED, FRAME, PER_SECOND).await;
    let seen = counter.stop();
    let forwarded = audience.received() - before;
    audience.leave().await;

    // Without retransmissions both ways a twenty-fifth would be missing.
    assert!(forwarded >= COUNTED as usize * VIEWERS * 99 / 100, "{forwarded} packets");
    assert_eq!(seen.lost, 0, "too many places to tell apart");
    let (mut per_packet, mut growths) = (vec![], 0);
    let mut other = BTreeMap::<(&str, usize), u64>::new();
    for site in seen.sites {
        let names = site.names();
        let has = |function: &str| names.iter().any(|name| name.contains(function));
        if let Some((_, what)) = NOT_PER_PACKET.iter().find(|(function, _)| has(function)) {
            *other.entry((what, site.kind)).or_default() += site.count;
            continue;
        }
        if site.kind == ALLOCATION && GROWTH.iter().any(|function| has(function)) {
            growths += site.count;
        } else {
            per_packet.push((site.count, KINDS[site.kind], names));
        }
    }
    println!("{forwarded} packets forwarded; by modules: {:?} {KINDS:?}", seen.by_modules);
    for ((what, kind), count) in &other {
        println!("  {what}: {count} {}", KINDS[*kind]);
    }
    // The counter counts: ICE checks do allocate, and the plugin does lock.
    assert!(other.keys().any(|(_, kind)| *kind == ALLOCATION) && seen.by_modules[LOCK] > 0);
    println!("  buffers that grew: {growths}");
    assert!(growths <= GROWTHS, "{growths} times a buffer grew");
    assert!(per_packet.is_empty(), "while {forwarded} packets were forwarded\n{per_packet:#?}");
    server.stop().await;
}

const KINDS: [&str; 3] = ["allocations", "locks", "futex calls"];
const ALLOCATION: usize = 0;
const LOCK: usize = 1;

/// The file that this process and the preloaded library share; numbers of 8 bytes, in the order of `struct report`.
struct Counter(PathBuf);

/// What was counted.
struct Seen {
    by_modules: [u64; KINDS.len()],
    lost: u64,
    sites: Vec<Site>,
}

/// A stack of the core, innermost frame first.
struct Site {
    kind: usize,
    count: u64,
    offsets: Vec<u64>,
}

const DEPTH: usize = 64;

impl Counter {
    fn here() -> Option<Counter> {
        std::env::var_os("COUNTING").map(|path| Counter(path.into()))
    }

    fn start(&self) {
        self.set_epoch(1);
    }

    fn set_epoch(&self, epoch: u64) {
        let mut file = fs::OpenOptions::new().write(true).open(&self.0).expect("the counter's file");
        file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&epoch.to_ne_bytes())).expect("a write");
    }

    fn stop(&self) -> Seen {
        self.set_epoch(0);
        let bytes = fs::read(&self.0).expect("the counter's file");
        let numbers: Vec<u64> =
            bytes.chunks_exact(8).map(|b| u64::from_ne_bytes(b.try_into().expect("eight"))).collect();
        let [_epoch, rest @ ..] = &numbers[..] else { panic!("an empty file") };
        let (events, rest) = rest.split_at(2 * KINDS.len());
        let [lost, used, rest @ ..] = rest else { panic!("a short file") };
        let sites = rest.chunks_exact(3 + DEPTH).take(*used as usize).map(|site| Site {
            kind: site[0] as usize,
            count: site[1],
            offsets: site[3..][..site[2] as usize].iter().copied().filter(|o| *o != 0).collect(),
        });
        Seen { by_modules: [0, 1, 2].map(|kind| events[2 * kind + 1]), lost: *lost, sites: sites.collect() }
    }
}

impl Site {
    /// Functions and lines, inlined ones too.
    fn names(&self) -> Vec<String> {
        let offsets = self.offsets.iter().map(|offset| format!("{offset:#x}"));
        let output =
            Command::new("addr2line").arg("-Cfipe").arg(library()).args(offsets).output().expect("addr2line");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

fn library() -> PathBuf {
    let program = std::env::var_os("JANUS_RS").map_or_else(|| target().join("debug/janus-rs"), PathBuf::from);
    program.with_file_name("libjanus_rs.so")
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Runs one test of this program again, with the library preloaded into everything that it starts.
fn under_counter(test: &str) {
    let folder = std::env::temp_dir().join(format!("janus-counting-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let counting = folder.join("libcounting.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("counting/counting.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&counting)
        .arg(source)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "cannot build the counter");
    let run = Command::new(std::env::current_exe().expect("this program"))
        .args([test, "--exact", "--nocapture"])
        .env("LD_PRELOAD", &counting)
        .env("COUNTING", folder.join("report"))
        .output()
        .expect("this program");
    let _ = fs::remove_dir_all(&folder);
    // Indented: its result is not one more test's.
    for line in [run.stdout, run.stderr].iter().flat_map(|text| text.split(|byte| *byte == b'\n')) {
        println!("  {}", String::from_utf8_lossy(line));
    }
    assert!(run.status.success(), "see above");
}
