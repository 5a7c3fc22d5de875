//! A client of a world: a PeerConnection of ours, behind an address that may change.

use super::network::Datagram;
use crate::media::batch::Batch;
use crate::media::clock::Clock;
use crate::media::dtls::{DtlsConfig, DtlsContext, Identity, client_hello};
use crate::media::ice::{Path, stun};
use crate::media::peer::{Connection, Incoming, Output, Room, Setup, Shared};
use crate::media::streams::Parts;
use crate::media::streams::fixtures::video;
use crate::media::streams::store::SharedStore;
use crate::media::types::*;
use crate::rtp::Extensions;
use crate::util::lock::Lock;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

pub fn shared(config: EngineConfig) -> Arc<Shared> {
    let identity = Identity::generate(false).unwrap();
    Arc::new(Shared {
        dtls: DtlsContext::new(&identity, &DtlsConfig::default()).unwrap(),
        fingerprint: identity.fingerprint().into(),
        destinations: Default::default(),
        cookies: Default::default(),
        live: Lock::new((&config).into()),
        config,
    })
}

/// What one side's description tells the other about the transport.
pub fn transport(shared: &Shared, credentials: &IceCredentials) -> RemoteTransport {
    let fingerprint = Fingerprint { hash: FingerprintHash::Sha256, value: shared.fingerprint.clone() };
    RemoteTransport {
        credentials: credentials.clone(),
        fingerprint: Some(fingerprint),
        ice_lite: shared.config.ice_lite,
    }
}

/// Of client `index`, as it sends it; `known`: as the server's side is told it.
pub fn medium(index: usize, known: bool) -> MediumConfig {
    let (own, other) = (0x1000 + index as u32 * 16, 0x9000 + index as u32 * 16);
    let (ssrc, remote) = if known { (other, own) } else { (own, other) };
    MediumConfig {
        mindex: 0,
        ssrc,
        ssrc_rtx: ssrc + 1,
        remote_ssrc: [remote, 0, 0],
        remote_ssrc_rtx: [remote + 1, 0, 0],
        ..video()
    }
}

pub struct Client {
    pub index: usize,
    pub credentials: IceCredentials,
    shared: Arc<Shared>,
    store: SharedStore,
    connection: Connection,
    batch: Batch,
    inside: SocketAddr,
    /// As the server sees it.
    pub outside: SocketAddr,
    pub connected: bool,
    pub closed: Option<HangupReason>,
    sequence: u16,
    /// Own packets that came back: how many since it was set to 0.
    pub echoed: usize,
    /// A recent check of ours, as it was sent.
    pub check: Option<Vec<u8>>,
    /// The randoms of its ClientHellos: one for each handshake that it has begun.
    pub hellos: HashSet<[u8; 32]>,
}

impl Client {
    pub fn new(index: usize, outside: SocketAddr, clock: Clock) -> Client {
        let shared = shared(EngineConfig { stats_period: 0, ..EngineConfig::default() });
        let inside = SocketAddr::from(([10, 1, 0, index as u8 + 1], 5000));
        let credentials = IceCredentials {
            ufrag: format!("client{index}"),
            pwd: format!("client-{index}-with-twenty-two-characters"),
        };
        let store = SharedStore::default();
        let setup = Setup {
            config: PeerConfig {
                id: index as u64,
                ice_role: IceRole::Controlling,
                dtls_role: DtlsRole::ActPass,
                worker: None,
                force_relay: false,
            },
            credentials: credentials.clone(),
            addresses: vec![inside],
            tcp: Vec::new(),
            relayed: None,
            candidates: Vec::new(),
            shared: shared.clone(),
            store: store.clone(),
            counts: Arc::default(),
        };
        Client {
            index,
            credentials,
            shared,
            store,
            connection: Connection::new(setup, clock),
            batch: Batch::new(256),
            inside,
            outside,
            connected: false,
            closed: None,
            sequence: 0,
            echoed: 0,
            check: None,
            hellos: HashSet::new(),
        }
    }

    pub fn transport(&self) -> RemoteTransport {
        transport(&self.shared, &self.credentials)
    }

    pub fn command(&mut self, clock: Clock, command: Command) {
        self.connection.command(clock, command, &mut self.batch);
    }

    pub fn run_timers(&mut self, clock: Clock) {
        if self.connection.poll_timeout(clock.instant).is_some_and(|at| at <= clock.instant) {
            self.connection.handle_timeout(clock, &mut self.batch);
        }
    }

    /// A packet with a payload that tells whose it is.
    pub fn send_rtp(&mut self, clock: Clock) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = vec![0x80, 96 | 0x80];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) * 1800).to_be_bytes());
        packet.extend([0; 4]);
        packet.extend([self.index as u8; 100]);
        let out = RtpOut { mindex: 0, video: true, packet: &packet, extensions: Extensions::default() };
        let stored = Parts::of(&out).unwrap().stored(&mut self.store.borrow_mut(), clock.mono);
        if let Some((relayed, content)) = stored {
            self.connection.send_rtp(clock, [(relayed, &content)].into_iter(), &mut self.batch);
        }
    }

    /// Takes a datagram of the server's. No packet but our own may come out of it.
    pub fn take(&mut self, clock: Clock, datagram: &mut Datagram) {
        let path = Path::udp(self.inside, datagram.from);
        match stun::kind(&datagram.bytes) {
            stun::Kind::Stun => self.connection.stun(clock, path, &datagram.bytes, &mut self.batch),
            stun::Kind::Dtls => self.connection.dtls(clock, path.origin(), &datagram.bytes, &mut self.batch),
            stun::Kind::Media => {
                let mut room = Room::default();
                let got = self.connection.media(
                    clock,
                    path.origin(),
                    &mut datagram.bytes,
                    &mut room,
                    &mut self.batch,
                );
                if let Some(Incoming::Rtp { len, .. }) = got {
                    let owner = usize::from(datagram.bytes[len - 1]);
                    assert_eq!(owner, self.index, "a packet of {owner} reached client {}", self.index);
                    self.echoed += 1;
                }
            }
            stun::Kind::Other => {}
        }
    }

    /// What it has to send, and to say.
    pub fn drain(&mut self) -> Vec<Datagram> {
        while let Some(output) = self.connection.next_output() {
            match output {
                Output::Connected => self.connected = true,
                Output::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
        while self.connection.next_note().is_some() {}
        let mut all = Vec::new();
        for lane in self.batch.lanes() {
            all.extend(self.batch.packets(lane).map(|packet| Datagram {
                from: self.outside,
                to: lane.path.remote,
                bytes: packet.to_vec(),
                owner: self.index,
            }));
        }
        self.batch.clear();
        self.hellos.extend(all.iter().filter_map(|d| Some(client_hello(&d.bytes)?.0.random)));
        let check = all.iter().rfind(|d| stun::request_transaction(&d.bytes).is_some());
        if let Some(check) = check {
            self.check = Some(check.bytes.clone());
        }
        all
    }
}
