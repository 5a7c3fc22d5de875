//! The packet path of the media streams does not allocate once it is warm (design: no allocation per packet).

use janus_rs::media::clock::Clock;
use janus_rs::media::streams::inbound::MAX_DESCRIPTOR;
use janus_rs::media::streams::rtcp::Split;
use janus_rs::media::streams::{Settings, Streams};
use janus_rs::media::{
    Command, DtlsRole, Engine, EngineConfig, ExtensionIds, Fingerprint, FingerprintHash, HangupReason,
    IceRole, MediaKind, MediumConfig, Mindex, Peer, PeerConfig, PeerEvent, PeerSink, RemoteTransport, RtpIn,
    RtpOut,
};
use janus_rs::rtp::Extensions;
use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Whether this thread says where it allocates.
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Where watched threads have allocated.
static PLACES: Mutex<Vec<Backtrace>> = Mutex::new(Vec::new());

struct Counting;

fn note() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    if WATCHED.replace(false) {
        PLACES.lock().unwrap().push(Backtrace::force_capture());
        WATCHED.set(true);
    }
}

// SAFETY: everything is done by the system allocator; `note` touches thread-locals without destructors, and what it
// allocates itself is not noted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promises are System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn video() -> MediumConfig {
    MediumConfig {
        mindex: 0,
        kind: MediaKind::Video,
        mid: "v".into(),
        send: true,
        recv: true,
        ssrc: 0xB0,
        ssrc_rtx: 0xB1,
        remote_ssrc: [77, 0, 0],
        remote_ssrc_rtx: [78, 0, 0],
        rids: [None, None, None],
        nacks: true,
        clock_rates: vec![(96, 90_000)],
        rtx_payload_types: vec![(96, 97)],
        codecs: vec![(96, "vp8".into())],
        opus_red_pt: None,
    }
}

/// A packet with a transport-wide number under id 3.
fn packet(ssrc: u32, sequence: u16, buffer: &mut [u8; 1200]) {
    buffer[..2].copy_from_slice(&[0x90, 96]);
    buffer[2..4].copy_from_slice(&sequence.to_be_bytes());
    buffer[8..12].copy_from_slice(&ssrc.to_be_bytes());
    buffer[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, 0x31, (sequence >> 8) as u8, sequence as u8, 0]);
}

/// One second of 1000 packets each way, every 50th lost in each direction, with all the RTCP that this causes.
fn second(streams: &mut Streams, start: Clock, seconds: u64) {
    let mut split = Split::default();
    let (mut buffer, mut slot, mut room) = ([0; 1200], [0; 1500], [0; MAX_DESCRIPTOR]);
    let (mut nacks, mut resent) = (0, 0);
    for index in 0..1000 {
        let count = (seconds * 1000 + index) as u16;
        let now = start.after(std::time::Duration::from_millis(seconds * 1000 + index));
        if index % 50 != 7 {
            packet(77, count, &mut buffer);
            let route = streams.route(&buffer).expect("known SSRC");
            let received = streams.receive(now, route, &mut buffer, &mut room).expect("new packet");
            if let Some((stream, missing)) = received.nacks {
                streams.nack(stream, &missing, &mut |_| nacks += 1);
            }
        }
        packet(5, count, &mut buffer);
        let out = RtpOut { mindex: 0, video: true, packet: &buffer, extensions: Extensions::default() };
        let prepared = streams.prepare(now, &out, &mut slot).expect("may send");
        let len = prepared.size();
        streams.protected(now, &prepared, &slot[..len]);
        if index % 50 == 7 {
            let [high, low] = count.to_be_bytes();
            let mut nack = [0x81, 205, 0, 3, 0, 0, 0, 77, 0, 0, 0, 0xB0, high, low, 0, 0];
            let _ = streams.incoming_rtcp(now, &mut nack, &mut split);
            while streams.next_resend(now, &mut slot).is_some() {
                resent += 1;
            }
        }
        if index % 200 == 0 {
            streams.transport_feedback(&mut |_| ());
        }
    }
    assert!(nacks > 0);
    // The history starts with the first round-trip time.
    assert_eq!(resent, if seconds == 0 { 0 } else { 20 });
    let now = start.after(std::time::Duration::from_millis((seconds + 1) * 1000 - 1));
    streams.reports(now, &mut |_| ());
    streams.tick(now);
    // Answered at once: the history keeps its least length.
    let fraction = ((now.wall % 1_000_000) << 16) / 1_000_000;
    let ntp = ((now.wall / 1_000_000 + 2_208_988_800) as u32) << 16 | fraction as u32;
    let mut report = [0; 32];
    report[..12].copy_from_slice(&[0x81, 201, 0, 7, 0, 0, 0, 77, 0, 0, 0, 0xB0]);
    report[24..28].copy_from_slice(&ntp.to_be_bytes());
    streams.incoming_rtcp(now, &mut report, &mut split).expect("known SSRCs");
    while streams.next_event().is_some() {}
}

#[test]
fn a_warm_packet_path_does_not_allocate() {
    let mut streams = Streams::new(Settings::from(&EngineConfig::default()));
    streams.set_media(vec![video()]);
    streams.set_extensions(&ExtensionIds {
        mid: 4,
        transport_wide_cc: 3,
        abs_send_time: 2,
        ..Default::default()
    });
    let start = Clock::read();
    for seconds in 0..5 {
        second(&mut streams, start, seconds);
    }
    let before = ALLOCATIONS.get();
    assert!(before > 0);
    for seconds in 5..10 {
        second(&mut streams, start, seconds);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

const FRAME: u64 = 10;
const FRAMES: usize = 1000;
const VIEWERS: usize = 8;
/// What grows with its first use has grown when each PeerConnection has got so many RTCP packets.
const WARM: u64 = 2;

/// On the server it forwards like a plugin.
struct Sink {
    connected: AtomicBool,
    received: AtomicU64,
    received_rtcp: AtomicU64,
    viewers: OnceLock<Vec<Peer>>,
    /// Its worker is to be watched from the next packet on.
    watch: AtomicBool,
}

impl PeerSink for Sink {
    fn connected(&self) {
        self.connected.store(true, Ordering::SeqCst);
    }
    fn incoming_rtp(&self, rtp: RtpIn<'_>) {
        self.received.fetch_add(1, Ordering::SeqCst);
        if self.watch.load(Ordering::SeqCst) {
            WATCHED.set(true);
        }
        for viewer in self.viewers.get().into_iter().flatten() {
            viewer.relay_rtp(RtpOut {
                mindex: 0,
                video: true,
                packet: rtp.packet,
                extensions: Extensions::default(),
            });
        }
    }
    fn incoming_rtcp(&self, _: Mindex, _: bool, _: &mut [u8]) {
        self.received_rtcp.fetch_add(1, Ordering::SeqCst);
    }
    fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
    fn data_ready(&self) {}
    fn event(&self, _: PeerEvent) {}
    fn closed(&self, _: HangupReason) {}
}

fn engine(workers: usize) -> Engine {
    let addresses = vec![[127, 0, 0, 1].into()];
    let config =
        EngineConfig { workers: Some(workers), addresses, stats_period: 0, ..EngineConfig::default() };
    Engine::start(config).expect("loopback is there")
}

fn peer(engine: &Engine, ice_role: IceRole) -> (Peer, Arc<Sink>) {
    let sink = Arc::new(Sink {
        connected: AtomicBool::new(false),
        received: AtomicU64::new(0),
        received_rtcp: AtomicU64::new(0),
        viewers: OnceLock::new(),
        watch: AtomicBool::new(false),
    });
    let dtls_role = DtlsRole::ActPass;
    let config = PeerConfig { id: 1, ice_role, dtls_role, worker: None, force_relay: false };
    (engine.create_peer(config, sink.clone()), sink)
}

fn patiently(mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < limit, "nothing happens any more");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Connects a client to the server; `sends` is the client.
fn connect(client: &Engine, server: &Engine, ssrc: u32, sends: bool) -> [(Peer, Arc<Sink>); 2] {
    let ends = [peer(client, IceRole::Controlling), peer(server, IceRole::Controlled)];
    let roles = [DtlsRole::Passive, DtlsRole::Active];
    for (at, engine) in [(0, server), (1, client)] {
        let (own, other) = (&ends[at].0, &ends[1 - at].0);
        let (hash, value) = (FingerprintHash::Sha256, engine.fingerprint().to_owned());
        own.command(Command::SetRemote {
            transport: RemoteTransport {
                credentials: other.local_credentials(),
                fingerprint: Some(Fingerprint { hash, value }),
                ice_lite: false,
            },
            dtls_role: roles[at],
        });
        let send = sends == (at == 0);
        own.command(Command::SetMedia(vec![MediumConfig {
            send,
            recv: !send,
            ssrc: if send { ssrc } else { ssrc + 1 },
            ssrc_rtx: 0,
            rtx_payload_types: Vec::new(),
            remote_ssrc: [if send { 0 } else { ssrc }, 0, 0],
            remote_ssrc_rtx: [0; 3],
            nacks: false,
            ..video()
        }]));
        other.local_candidates().into_iter().for_each(|it| own.command(Command::AddRemoteCandidate(it)));
        own.command(Command::StartChecks);
    }
    patiently(|| ends.iter().all(|(_, sink)| sink.connected.load(Ordering::SeqCst)));
    ends
}

/// The whole engine: socket, SRTP, streams, callback, relay, SRTP, socket.
#[test]
fn a_worker_forwards_without_allocating() {
    let (clients, server) = (engine(VIEWERS + 1), engine(1));
    let viewers: Vec<_> =
        (0..VIEWERS).map(|n| connect(&clients, &server, 0x2000 + 16 * n as u32, false)).collect();
    let [(publisher, _), (_own, forwarding)] = connect(&clients, &server, 0x1000, true);
    let relay_to = viewers.iter().map(|[_, (at_server, _)]| at_server.clone()).collect();
    assert!(forwarding.viewers.set(relay_to).is_ok());
    let (mut packet, mut sequence) = ([0; 1200], 0_u64);
    let mut send_frame = || {
        for index in 0..FRAME {
            packet[..2].copy_from_slice(&[0x80, if index == FRAME - 1 { 0xE0 } else { 0x60 }]);
            packet[2..4].copy_from_slice(&(sequence as u16).to_be_bytes());
            let extensions = Extensions::default();
            publisher.relay_rtp(RtpOut { mindex: 0, video: true, packet: &packet, extensions });
            sequence += 1;
        }
        patiently(|| forwarding.received.load(Ordering::SeqCst) >= sequence);
        sequence
    };
    let is_warm = |sink: &Sink| sink.received_rtcp.load(Ordering::SeqCst) >= WARM;
    patiently(|| {
        send_frame();
        is_warm(&forwarding) && viewers.iter().all(|[_, (_, sink)]| is_warm(sink))
    });
    forwarding.watch.store(true, Ordering::SeqCst);
    let sent = (0..FRAMES).map(|_| send_frame()).last().unwrap();
    patiently(|| viewers.iter().all(|[(_, sink), _]| sink.received.load(Ordering::SeqCst) == sent));
    let places = std::mem::take(&mut *PLACES.lock().unwrap());
    // Consent (RFC 7675) goes on meanwhile, about every five seconds for each peer.
    let of_ice = |text: &str| text.contains("IceAgent") || text.contains("Connection>::stun");
    let places = places.iter().map(Backtrace::to_string).filter(|text| !of_ice(text));
    let places: Vec<String> = places.collect();
    assert!(places.is_empty(), "{} allocations, the first one\n{}", places.len(), places[0]);
}
