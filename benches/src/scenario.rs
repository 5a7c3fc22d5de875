//! The scenarios: who connects to whom, and what is measured meanwhile.
#![forbid(unsafe_code)]

use crate::peer::{Mode, PAYLOAD, Peer, Totals, Wanted};
use crate::server::{Kind, Server, Usage};
use crate::signal::{Signal, sdp};
use crate::sys;
use crate::world::{From, Message, Pacing, World};
use serde_json::json;
use std::time::Duration;
use str0m::media::Direction;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// Publishers of a video room, and viewers of each of them.
    Room { publishers: usize, viewers: usize },
    /// Participants of a video room who see all others.
    Mesh(usize),
    /// Several such rooms.
    Rooms { rooms: usize, members: usize },
    /// Clients of the echo test.
    Echo(usize),
    /// A mountpoint fed with plain RTP.
    Streaming(usize),
    /// One publisher and viewers in examples/embedding/room.c: links of the library instead of a plugin.
    Links(usize),
    /// Clients of the echo test who send messages over data channels and get them back.
    Messages(usize),
    /// A text room: one writes, all these get it.
    TextRoom(usize),
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub shape: Shape,
    /// Packets per second of each source; 0: no media at all.
    pub rate: u32,
    /// Packets that a source sends at once; `None`: those of a frame at that rate.
    pub burst: Option<u32>,
    /// Packets of audio beside them.
    pub audio: u32,
    /// Percent of the packets lost on each way.
    pub loss: f64,
    /// Part of the short list.
    pub quick: bool,
}

/// All scenarios, in the order of the table.
pub fn all() -> Vec<Scenario> {
    let mut list = Vec::new();
    let mut add = |name: &str, shape, rate, loss, quick| {
        list.push(Scenario { shape, rate, loss, quick, ..Scenario::named(name.into()) });
    };
    for viewers in [10, 50, 200] {
        for rate in [300, 100] {
            let shape = Shape::Room { publishers: 1, viewers };
            add(
                &format!("room-1x{viewers}-{rate}"),
                shape,
                rate,
                0.0,
                (viewers, rate) == (50, 300) || (viewers, rate) == (200, 100),
            );
        }
    }
    add("mesh-6x6", Shape::Mesh(6), 100, 0.0, false);
    add("echo-50", Shape::Echo(50), 100, 0.0, false);
    add("echo-200", Shape::Echo(200), 50, 0.0, true);
    add("streaming-1x200", Shape::Streaming(200), 300, 0.0, true);
    add("streaming-1x1000", Shape::Streaming(1000), 50, 0.0, false);
    add("links-1x200", Shape::Links(200), 100, 0.0, false);
    add("data-echo-10", Shape::Messages(10), 100, 0.0, false);
    add("data-echo-100", Shape::Messages(100), 10, 0.0, false);
    add("textroom-1x10", Shape::TextRoom(10), 100, 0.0, false);
    add("set-up-100", Shape::Echo(100), 0, 0.0, false);
    add("idle-200", Shape::Room { publishers: 1, viewers: 200 }, 0, 0.0, false);
    add("loss-1x50", Shape::Room { publishers: 1, viewers: 50 }, 300, 2.0, true);
    let beside = ["room-1x50-300", "room-1x200-100", "mesh-6x6", "echo-50", "loss-1x50"];
    for (name, audio) in beside.map(|name| (name, 50)) {
        let beside = list.iter().find(|scenario| scenario.name == name).expect("a scenario of the list");
        list.push(Scenario { name: format!("{name}+{audio}"), audio, quick: false, ..beside.clone() });
    }
    list
}

impl Scenario {
    /// One PeerConnection without media; the rest is the caller's.
    pub fn named(name: String) -> Scenario {
        Scenario { name, shape: Shape::Echo(1), rate: 0, burst: None, audio: 0, loss: 0.0, quick: false }
    }

    /// Over data channels.
    pub fn is_of_messages(&self) -> bool {
        matches!(self.shape, Shape::Messages(_) | Shape::TextRoom(_))
    }

    /// Bytes of a packet, without what SRTP or DTLS puts around it.
    pub fn payload(&self) -> usize {
        if self.is_of_messages() { MESSAGE + CHUNKS } else { PAYLOAD }
    }

    /// Programs that have the core inside them are ours.
    pub fn runs_on(&self, kind: &Kind) -> bool {
        !matches!(self.shape, Shape::Links(_)) || kind.is_ours
    }
}

pub struct Options {
    pub core: usize,
    pub gro: bool,
    pub pacing: Pacing,
    pub seconds: u64,
    /// Prints the server's process number as soon as media flows, for a profiler.
    pub verbose: bool,
}

/// What one run has shown.
#[derive(Clone, Default, Debug)]
pub struct Outcome {
    pub packets: u64,
    pub us_per_packet: f64,
    pub loss_percent: f64,
    /// Of the packets withheld on both ways, those that came in the end, in percent.
    pub recovered_percent: f64,
    /// 50th, 99th, 99.9th percentile.
    pub latency_us: [f64; 3],
    pub setup_us: f64,
    /// Per PeerConnection: set up but idle; at the end of the run.
    pub idle_kb: f64,
    /// CPU µs per second of a PeerConnection without media.
    pub idle_us: f64,
    pub loaded_kb: f64,
    pub threads: f64,
    pub switches_per_second: f64,
    pub train: f64,
    pub datagram_bytes: f64,
    /// Of its core, while packets flow.
    pub load_percent: f64,
}

/// Bytes of a message.
const MESSAGE: usize = 200;
/// Of the headers around it: SCTP, a SACK, DATA (RFC 9260).
const CHUNKS: usize = 12 + 16 + 16;
const TEXT_ROOM: &str = "janus.plugin.textroom";
/// The first room.
const ROOM: u64 = 4711;
const TICK: Duration = Duration::from_millis(5);

struct Run<'a> {
    world: World,
    /// `None` where there is no Janus API.
    signal: Option<Signal>,
    /// Of the server's signalling.
    port: u16,
    scenario: &'a Scenario,
    sources: Vec<From>,
    /// Packets that arrive for each packet sent.
    copies: u64,
}

pub fn run(kind: &Kind, scenario: &Scenario, options: &Options) -> Result<Outcome, String> {
    let server = match scenario.shape {
        Shape::Links(_) => Server::start_room(kind, options.core),
        _ => Server::start(kind, options.core),
    };
    let server = server.map_err(|error| error.to_string())?;
    measure(&server, scenario, options).map_err(|error| format!("{error}\n{}", server.log()))
}

fn measure(server: &Server, scenario: &Scenario, options: &Options) -> Result<Outcome, String> {
    let usage = || server.usage().map_err(|error| error.to_string());
    let mut world = World::new(options.gro, options.pacing)?;
    let signal = match scenario.shape {
        Shape::Links(_) => None,
        _ => Some(Signal::connect(server.port, &mut world)?),
    };
    let mut run = Run { world, signal, port: server.port, scenario, sources: Vec::new(), copies: 1 };
    let bare = usage()?;
    run.connect()?;
    run.world.run(Duration::from_millis(500), TICK);
    let connected = usage()?;
    let clients = run.world.peers.len() as f64;
    let mut outcome = Outcome {
        setup_us: (connected.cpu - bare.cpu).as_secs_f64() * 1e6 / clients,
        idle_kb: kilobytes(bare, connected) / clients,
        threads: connected.threads as f64,
        ..Outcome::default()
    };
    if scenario.rate == 0 {
        let before = usage()?;
        run.world.run(Duration::from_secs(options.seconds), TICK);
        let cpu = usage()?.cpu - before.cpu;
        outcome.idle_us = cpu.as_secs_f64() * 1e6 / options.seconds as f64 / clients;
        return run.world.failure().map_or(Ok(outcome), Err);
    }
    run.start();
    run.world.run(Duration::from_secs(2), TICK);
    if let Some(signal) = &mut run.signal {
        signal.keepalive(&mut run.world)?;
    }
    if options.verbose {
        eprintln!("media flows, server is process {}", server.pid());
    }
    if scenario.loss > 0.0 {
        for peer in &mut run.world.peers {
            peer.loss = (scenario.loss, scenario.loss);
        }
    }
    // The boundary lies in a pause, so that packets sent and packets received are the same ones.
    run.world.stop_senders();
    run.world.run(Duration::from_millis(300), TICK);
    run.world.totals = Totals::default();
    let before = usage()?;
    run.world.resume_senders();
    let load = sys::thread_cpu();
    run.world.run(Duration::from_secs(options.seconds), TICK);
    outcome.load_percent = (sys::thread_cpu() - load).as_secs_f64() * 100.0 / options.seconds as f64;
    let busy = usage()?;
    run.world.stop_senders();
    for peer in &mut run.world.peers {
        peer.loss = (0.0, 0.0);
    }
    run.world.run(Duration::from_millis(if scenario.loss > 0.0 { 1000 } else { 300 }), TICK);
    let after = usage()?;
    if let Some(error) = run.world.failure() {
        return Err(error);
    }
    run.outcome(&mut outcome, before, busy, after, options);
    outcome.loaded_kb = kilobytes(bare, after) / clients;
    Ok(outcome)
}

fn kilobytes(before: Usage, after: Usage) -> f64 {
    (after.rss_bytes as f64 - before.rss_bytes as f64) / 1024.0
}

impl Run<'_> {
    fn outcome(
        &mut self,
        outcome: &mut Outcome,
        before: Usage,
        busy: Usage,
        after: Usage,
        options: &Options,
    ) {
        let totals = &mut self.world.totals;
        let expected = totals.sent * self.copies;
        let lossy = self.scenario.loss > 0.0;
        let arrived = if lossy { totals.unique } else { totals.received };
        outcome.packets = expected;
        let forwarded = if lossy { expected } else { totals.received };
        outcome.us_per_packet = (after.cpu - before.cpu).as_secs_f64() * 1e6 / forwarded.max(1) as f64;
        let missing = expected.saturating_sub(arrived) as f64;
        outcome.loss_percent = 100.0 * missing / expected.max(1) as f64;
        if lossy {
            let withheld = (totals.dropped_here + totals.dropped_sent * self.copies) as f64;
            outcome.recovered_percent = 100.0 * (1.0 - missing / withheld.max(1.0)).max(0.0);
        }
        totals.latency_us.sort_unstable();
        let sorted = &totals.latency_us;
        for (place, part) in outcome.latency_us.iter_mut().zip([0.5, 0.99, 0.999]) {
            *place = sorted.get((sorted.len() as f64 * part) as usize).copied().unwrap_or(0).into();
        }
        outcome.switches_per_second =
            busy.context_switches.saturating_sub(before.context_switches) as f64 / options.seconds as f64;
        outcome.train = totals.datagrams as f64 / totals.messages.max(1) as f64;
        outcome.datagram_bytes = totals.datagram_bytes as f64;
    }

    fn parts(&mut self) -> Result<(&mut World, &mut Signal), String> {
        Ok((&mut self.world, self.signal.as_mut().ok_or("no Janus API here")?))
    }

    fn start(&mut self) {
        let count = self.sources.len();
        for (i, source) in self.sources.clone().into_iter().enumerate() {
            let audio = match source {
                From::Peer(peer) if self.scenario.audio > 0 => Some(From::Audio(peer)),
                _ => None,
            };
            self.world.start_sender(source, self.scenario.rate, self.scenario.burst, i as f64 / count as f64);
            if let Some(audio) = audio {
                self.world.start_sender(audio, self.scenario.audio, None, (i as f64 + 0.5) / count as f64);
            }
        }
    }

    fn connect(&mut self) -> Result<(), String> {
        match self.scenario.shape {
            Shape::Room { publishers, viewers } => {
                let room = self.room(ROOM)?;
                for _ in 0..publishers {
                    let feed = self.publish(room)?;
                    for _ in 0..viewers {
                        self.view(room, &[feed])?;
                    }
                }
                self.copies = viewers as u64;
            }
            Shape::Mesh(members) => self.meshes(1, members)?,
            Shape::Rooms { rooms, members } => self.meshes(rooms, members)?,
            Shape::Echo(clients) => {
                for _ in 0..clients {
                    self.echo()?;
                }
            }
            Shape::Streaming(viewers) => {
                let mountpoint = self.mountpoint()?;
                for _ in 0..viewers {
                    self.watch(mountpoint)?;
                }
                self.copies = viewers as u64;
            }
            Shape::Links(viewers) => {
                let publisher = self.call("/whip", Direction::SendOnly)?;
                self.sources.push(From::Peer(publisher));
                self.world.connect()?;
                for _ in 0..viewers {
                    self.call("/whep", Direction::RecvOnly)?;
                }
                self.copies = viewers as u64;
            }
            Shape::Messages(clients) => {
                for _ in 0..clients {
                    self.echo_of_messages()?;
                }
                return self.world.open_channels();
            }
            Shape::TextRoom(members) => {
                self.text_room(members)?;
                self.copies = members as u64;
                return Ok(());
            }
        }
        self.world.connect()
    }

    /// All publish before anybody subscribes.
    fn meshes(&mut self, rooms: usize, members: usize) -> Result<(), String> {
        let mut feeds = Vec::new();
        for number in 0..rooms as u64 {
            let room = self.room(ROOM + number)?;
            let of_room: Vec<u64> =
                (0..members).map(|_| self.offer_to_publish(room)).collect::<Result<_, _>>()?;
            feeds.push((room, of_room));
        }
        self.published()?;
        for (room, feeds) in feeds {
            for own in &feeds {
                let others: Vec<u64> = feeds.iter().copied().filter(|feed| feed != own).collect();
                self.view(room, &others)?;
            }
        }
        self.copies = members as u64 - 1;
        Ok(())
    }

    fn peer(&mut self) -> Result<usize, String> {
        let mode = if self.scenario.loss > 0.0 { Mode::Full } else { Mode::Sampled };
        let seed = self.world.peers.len() as u64 + 1;
        self.world.peers.push(Peer::new(mode, self.world.gro, seed)?);
        Ok(self.world.peers.len() - 1)
    }

    fn wants(&self, direction: Direction) -> Wanted {
        Wanted { direction, audio: self.scenario.audio > 0 }
    }

    /// A client of the room of links: an offer, and the answer in the reply.
    fn call(&mut self, path: &str, direction: Direction) -> Result<usize, String> {
        let peer = self.peer()?;
        let wanted = self.wants(direction);
        let offer = self.world.peers[peer].offer(wanted)?;
        let answer = crate::server::post(self.port, path, &offer).map_err(|error| error.to_string())?;
        self.world.peers[peer].accept_answer(&answer)?;
        Ok(peer)
    }

    fn room(&mut self, room: u64) -> Result<u64, String> {
        let (world, signal) = self.parts()?;
        let handle = signal.attach(world, "janus.plugin.videoroom")?;
        let body = json!({"request": "create", "room": room, "publishers": 1000, "bitrate": 0, "fir_freq": 10,
            "videocodec": "vp8", "audiocodec": "opus", "notify_joining": false});
        signal.message(world, handle, body, None)?;
        Ok(room)
    }

    /// A publisher; returns its id as a feed.
    fn publish(&mut self, room: u64) -> Result<u64, String> {
        let feed = self.offer_to_publish(room)?;
        self.published()?;
        Ok(feed)
    }

    /// A feed can be seen only once its PeerConnection is up, on the server's side too.
    fn published(&mut self) -> Result<(), String> {
        self.world.connect()?;
        self.world.run(Duration::from_millis(100), TICK);
        Ok(())
    }

    fn offer_to_publish(&mut self, room: u64) -> Result<u64, String> {
        let peer = self.peer()?;
        let wanted = self.wants(Direction::SendOnly);
        let (world, signal) = self.parts()?;
        let handle = signal.attach(world, "janus.plugin.videoroom")?;
        let offer = world.peers[peer].offer(wanted)?;
        let body = json!({"request": "joinandconfigure", "ptype": "publisher", "room": room});
        let reply = signal.message(world, handle, body, Some(("offer", &offer)))?;
        let feed = reply["plugindata"]["data"]["id"].as_u64().ok_or("no publisher id")?;
        world.peers[peer].accept_answer(sdp(&reply)?)?;
        signal.candidates_end(world, handle)?;
        self.sources.push(From::Peer(peer));
        Ok(feed)
    }

    fn view(&mut self, room: u64, feeds: &[u64]) -> Result<(), String> {
        let streams: Vec<_> = feeds.iter().map(|feed| json!({"feed": feed})).collect();
        let body = json!({"request": "join", "ptype": "subscriber", "room": room, "streams": streams});
        self.answer("janus.plugin.videoroom", body, json!({"request": "start"}))
    }

    fn watch(&mut self, mountpoint: u64) -> Result<(), String> {
        let body = json!({"request": "watch", "id": mountpoint});
        self.answer("janus.plugin.streaming", body, json!({"request": "start"}))
    }

    /// A receiver: the plugin offers, it answers.
    fn answer(
        &mut self,
        plugin: &str,
        ask: serde_json::Value,
        start: serde_json::Value,
    ) -> Result<(), String> {
        let peer = self.peer()?;
        let (world, signal) = self.parts()?;
        let handle = signal.attach(world, plugin)?;
        let reply = signal.message(world, handle, ask, None)?;
        let answer = world.peers[peer].answer(sdp(&reply)?)?;
        signal.message(world, handle, start, Some(("answer", &answer)))?;
        signal.candidates_end(world, handle)
    }

    fn echo(&mut self) -> Result<(), String> {
        let peer = self.peer()?;
        let wanted = self.wants(Direction::SendRecv);
        let offer = self.world.peers[peer].offer(wanted)?;
        self.echo_to(peer, &offer)?;
        self.sources.push(From::Peer(peer));
        Ok(())
    }

    fn echo_of_messages(&mut self) -> Result<(), String> {
        let peer = self.peer()?;
        let offer = self.world.peers[peer].offer_channel("bench")?;
        self.echo_to(peer, &offer)?;
        self.sources.push(From::Messages(peer, Message::Binary(MESSAGE)));
        Ok(())
    }

    fn echo_to(&mut self, peer: usize, offer: &str) -> Result<(), String> {
        let (world, signal) = self.parts()?;
        let handle = signal.attach(world, "janus.plugin.echotest")?;
        let body = json!({"audio": true, "video": true});
        let reply = signal.message(world, handle, body, Some(("offer", offer)))?;
        world.peers[peer].accept_answer(sdp(&reply)?)?;
        signal.candidates_end(world, handle)
    }

    /// Who joins says so over the data channel; the first one writes.
    fn text_room(&mut self, members: usize) -> Result<(), String> {
        let (world, signal) = self.parts()?;
        let handle = signal.attach(world, TEXT_ROOM)?;
        signal.message(world, handle, json!({"request": "create", "room": 4711, "history": 0}), None)?;
        for _ in 0..members {
            self.answer(TEXT_ROOM, json!({"request": "setup"}), json!({"request": "ack"}))?;
        }
        self.world.connect()?;
        self.world.peers.iter_mut().for_each(|peer| peer.open_channel("JanusDataChannel"));
        self.world.open_channels()?;
        let mut totals = Totals::default();
        for (number, peer) in self.world.peers.iter_mut().enumerate() {
            let name = format!("member{number}");
            let join = json!({"textroom": "join", "room": 4711, "username": name, "transaction": "join"});
            peer.say(false, join.to_string().as_bytes(), &mut totals);
        }
        let text = json!({"textroom": "message", "room": 4711, "ack": false, "transaction": "message",
            "text": "x".repeat(MESSAGE)});
        self.sources.push(From::Messages(0, Message::Text(text.to_string())));
        self.world.run(Duration::from_secs(1), TICK);
        Ok(())
    }

    fn mountpoint(&mut self) -> Result<u64, String> {
        let (world, signal) = self.parts()?;
        let handle = signal.attach(world, "janus.plugin.streaming")?;
        let body = json!({"request": "create", "type": "rtp", "id": 4711, "audio": false, "data": false, "video": true,
            "videoport": 0, "videopt": 96, "videocodec": "vp8", "media": [
                {"type": "video", "mid": "v", "label": "v", "port": 0, "pt": 96, "codec": "vp8"}]});
        let reply = signal.message(world, handle, body, None)?;
        let stream = &reply["plugindata"]["data"]["stream"];
        let port = [&stream["ports"][0]["port"], &stream["video_port"]].iter().find_map(|port| port.as_u64());
        let port = port.ok_or_else(|| format!("no port in {stream}"))?;
        self.sources.push(From::Plain(([127, 0, 0, 1], port as u16).into()));
        Ok(4711)
    }
}
