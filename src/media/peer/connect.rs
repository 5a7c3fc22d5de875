//! From candidates to keys: ICE, then DTLS, then SRTP (media-plane.md §3, §4).

use super::demux::expect;
use super::{Clock, Connection, DTLS_LIMIT, Note, Output, Srtp, Stage};
use crate::media::batch::{Batch, Cursor};
use crate::media::dtls::{Connected, Dtls, DtlsEvent, is_verify_request};
use crate::media::ice::{AgentEvent, Origin, Path, candidate, stun};
use crate::media::types::*;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const MISMATCH: &str = "the certificate does not match the fingerprint of the description";
/// DTLS datagrams kept while our role is not known: two per ClientHello, which comes again after 50 ms, 100 ms …
const MAX_EARLY: usize = 8;
/// Names of remote candidates that are kept to be shown, whoever restarts ICE how often.
const SHOWN_REMOTE_CANDIDATES: usize = 256;
/// media-plane.md §3.4: how often, after how long at least, and after how long in any case.
const FAILED_CHECK: Duration = Duration::from_millis(500);
const FAILED_LEAST: Duration = Duration::from_secs(5);
const FAILED_MOST: Duration = Duration::from_secs(15);

impl Connection {
    /// Host candidates are known from the start.
    pub(super) fn gather(&mut self, clock: Clock, candidates: Vec<Candidate>) {
        self.ice.set_state(IceState::Gathering);
        self.take_ice_events(clock);
        for local in candidates {
            self.record.local_candidates.push(candidate::format(&local));
            self.event(PeerEvent::LocalCandidate(local));
        }
        self.record.gathered_at = Some(clock.mono);
        self.event(PeerEvent::LocalCandidatesDone);
    }

    /// The host has other addresses, or the relay: checks from the new ones begin, and what is advertised of them is told.
    pub fn follow(
        &mut self,
        clock: Clock,
        (udp, tcp, relayed): (&[SocketAddr], &[SocketAddr], Option<SocketAddr>),
        candidates: &[Candidate],
        out: &mut Batch,
    ) {
        if self.stage == Stage::Closed {
            return;
        }
        let (udp, tcp) = if self.force_relay { (&[][..], &[][..]) } else { (udp, tcp) };
        self.ice.set_addresses(udp, tcp, relayed);
        let known = std::mem::take(&mut self.record.local_candidates);
        for local in candidates {
            let text = candidate::format(local);
            let old = known.contains(&text);
            self.record.local_candidates.push(text);
            if !old {
                self.event(PeerEvent::LocalCandidate(local.clone()));
            }
        }
        self.progress(clock, out);
    }

    pub(super) fn set_remote(&mut self, transport: RemoteTransport, role: DtlsRole) {
        self.ice.set_remote(transport.credentials.clone(), transport.ice_lite);
        self.remote = Some(transport);
        if self.dtls.is_none() {
            self.dtls_role = role;
        }
    }

    pub(super) fn set_remote_credentials(&mut self, credentials: IceCredentials) {
        let lite = self.remote.as_ref().is_some_and(|r| r.ice_lite);
        self.ice.set_remote(credentials.clone(), lite);
        self.remote_complete = false;
        if let Some(remote) = &mut self.remote {
            remote.credentials = credentials;
        }
    }

    /// The peer began anew before DTLS was through: a client that lost our answer, or was reloaded. What is there already is
    /// still the one that was announced.
    pub(super) fn set_fingerprint(&mut self, fingerprint: Fingerprint) {
        if let (Stage::New | Stage::Handshake(_), Some(remote)) = (&self.stage, &mut self.remote) {
            remote.fingerprint = Some(fingerprint);
        }
    }

    pub(super) fn restart_ice(&mut self, credentials: IceCredentials) {
        self.notes.push_back(Note::Ufrag(credentials.ufrag.clone()));
        self.ice.restart(credentials);
    }

    pub(super) fn add_remote_candidate(&mut self, remote: Candidate) {
        self.remember_remote(&remote);
        self.ice.add_remote(remote.clone());
        self.event(PeerEvent::RemoteCandidate(remote));
    }

    /// For `handle_info`: the newest ones, each once.
    fn remember_remote(&mut self, remote: &Candidate) {
        let text = candidate::format(remote);
        let known = &mut self.record.remote_candidates;
        if known.contains(&text) {
            return;
        }
        if known.len() >= SHOWN_REMOTE_CANDIDATES {
            known.remove(0);
        }
        known.push(text);
    }

    /// A STUN message for us, by its ufrag or transaction.
    pub fn stun(&mut self, clock: Clock, path: Path, message: &[u8], out: &mut Batch) {
        if self.stage != Stage::Closed && self.ice.handle(clock.instant, path, message) {
            self.earn(path.origin(), message.len());
            self.note_stun(clock, path, message);
            self.progress(clock, out);
            self.listens = self.listens();
        }
    }

    /// The TCP connection is there that we wanted to a candidate.
    pub fn tcp_opened(&mut self, clock: Clock, path: Path, out: &mut Batch) {
        if self.stage != Stage::Closed {
            self.ice.opened(clock.instant, path);
            self.progress(clock, out);
        }
    }

    /// A TCP connection has come to its end, or was never made.
    pub fn tcp_lost(&mut self, clock: Clock, path: Path, out: &mut Batch) {
        if self.stage != Stage::Closed {
            self.ice.lost(clock.instant, path);
            self.progress(clock, out);
        }
    }

    /// A DTLS datagram from an address that authenticated STUN came from.
    pub fn dtls(&mut self, clock: Clock, from: Origin, datagram: &[u8], out: &mut Batch) {
        if self.stage == Stage::Closed || (!self.shares_address && self.leaves_out(clock.instant, datagram)) {
            return;
        }
        self.from = Some(from);
        self.authentic = false;
        self.note_hello(clock, from, datagram);
        self.earn(from, datagram.len());
        self.asked_from(from, datagram);
        self.record.dtls_in.packets += 1;
        self.record.dtls_in.bytes += datagram.len() as u64;
        match &mut self.dtls {
            Some(dtls) => dtls.handle(datagram),
            None if self.early.len() < MAX_EARLY => self.early.push((from, datagram.to_vec())),
            None => {}
        }
        self.progress(clock, out);
        self.from = None;
    }

    /// Carries what the layers produced to where it belongs, until nothing is left.
    pub(super) fn progress(&mut self, clock: Clock, out: &mut Batch) {
        if self.stage == Stage::Closed {
            return;
        }
        self.take_ice_events(clock);
        self.check_ice_failure(clock, out);
        self.start_dtls_when_possible(clock);
        self.take_dtls_events(clock, out);
        self.progress_data();
        self.transmit_stun(clock, out);
        self.transmit_dtls(clock, out);
    }

    pub(super) fn take_ice_events(&mut self, clock: Clock) {
        while let Some(event) = self.ice.poll_event() {
            match event {
                AgentEvent::State(state) => {
                    match state {
                        IceState::Failed => self.failed_at = self.failed_at.or(Some(clock.instant)),
                        IceState::Connected | IceState::Ready => self.failed_at = None,
                        _ => {}
                    }
                    if state == IceState::Ready && self.record.connected_at.is_none() {
                        self.record.connected_at = Some(clock.mono);
                    }
                    self.event(PeerEvent::Ice(state));
                }
                AgentEvent::Reachable(origin) => self.notes.push_back(Note::Reachable(origin)),
                AgentEvent::Forgotten(origin) => self.notes.push_back(Note::Forgotten(origin)),
                AgentEvent::Connect(to) => self.notes.push_back(Note::Connect(to)),
                AgentEvent::PeerReflexive(found) => {
                    self.remember_remote(&found);
                }
                AgentEvent::Selected(path) => {
                    self.path = Some(path);
                    self.note_path(clock);
                    let (local, remote) = self.ice.describe(path);
                    let text = format!("{local} <-> {remote}");
                    if self.record.selected_pair.as_ref() != Some(&text) {
                        self.record.selected_pair = Some(text);
                        self.event(PeerEvent::SelectedPair { local, remote });
                    }
                }
            }
        }
    }

    /// MP-117: the first selected pair starts DTLS, later ones only switch the path.
    fn start_dtls_when_possible(&mut self, clock: Clock) {
        if self.stage != Stage::New || self.path.is_none() || self.remote.is_none() {
            return;
        }
        if !self.shared.config.webrtc_encryption {
            self.become_ready(clock);
            return;
        }
        if self.dtls.is_none() {
            match self.shared.dtls.associate(self.dtls_role) {
                Ok(dtls) => self.begin_dtls(clock, Box::new(dtls)),
                Err(error) => {
                    tracing::error!(handle = self.id, "cannot start DTLS: {error}");
                    self.close(clock, HangupReason::DtlsSrtpStackError);
                    return;
                }
            }
        }
        self.stage = Stage::Handshake(clock.instant + DTLS_LIMIT);
        self.record.dtls_started_at = Some(clock.mono);
        self.set_dtls_state(DtlsState::Trying);
    }

    fn begin_dtls(&mut self, clock: Clock, mut dtls: Box<dyn Dtls>) {
        dtls.start();
        let early = std::mem::take(&mut self.early);
        // Nobody answers a ClientHello of ours before it is sent; and what came from elsewhere may be another's.
        let place = self.path.map(|path| path.origin()).filter(|_| self.dtls_role != DtlsRole::Active);
        for (from, datagram) in early.iter().filter(|(from, _)| Some(*from) == place) {
            expect(&self.shared.cookies, &mut *dtls, self.cookies(clock, *from), datagram);
            dtls.handle(datagram);
        }
        self.dtls = Some(dtls);
    }

    fn take_dtls_events(&mut self, clock: Clock, out: &mut Batch) {
        while let Some(event) = self.dtls.as_mut().and_then(|dtls| dtls.poll_event()) {
            match event {
                DtlsEvent::Connected(connected) if self.shares_address && !self.is_announced(&connected) => {
                    self.stray = Some(connected);
                    return;
                }
                DtlsEvent::Connected(connected) => {
                    self.take_keys(clock, &connected, out);
                    self.heard_dtls(clock);
                }
                DtlsEvent::Data(packet) => {
                    self.heard_dtls(clock);
                    self.incoming_sctp(clock, packet);
                }
                // Before the last flight goes out again: it goes where this came from.
                DtlsEvent::Repeated => self.heard_dtls(clock),
                DtlsEvent::Closed if self.moves_on(clock) => return,
                DtlsEvent::Closed => self.hang_up(clock, HangupReason::DtlsAlert, out),
                DtlsEvent::Refused(error) => {
                    tracing::warn!(handle = self.id, "DTLS: {error}; waiting for another handshake");
                }
                DtlsEvent::Failed(error) => {
                    tracing::warn!(handle = self.id, "DTLS: {error}");
                    self.set_dtls_state(DtlsState::Failed);
                    self.hang_up(clock, HangupReason::DtlsAlert, out);
                }
            }
        }
    }

    /// Whether the certificate is the one of the description.
    pub(super) fn is_announced(&self, connected: &Connected) -> bool {
        let announced = self.remote.as_ref().and_then(|r| r.fingerprint.as_ref());
        announced.is_some_and(|fingerprint| connected.matches(fingerprint))
    }

    pub(super) fn take_keys(&mut self, clock: Clock, connected: &Connected, out: &mut Batch) {
        let failure = match (self.is_announced(connected), connected.sessions()) {
            (false, _) => MISMATCH.to_owned(),
            (true, Err(error)) => error.to_string(),
            (true, Ok((outgoing, incoming))) => {
                self.srtp = Some(Srtp { outgoing, incoming });
                self.profile = Some(connected.profile);
                self.record.dtls_connected_at = Some(clock.mono);
                self.set_dtls_state(DtlsState::Connected);
                if let Some(settled) = self.dtls.as_mut().and_then(|dtls| dtls.settle()) {
                    self.dtls = Some(settled);
                }
                self.become_ready(clock);
                return;
            }
        };
        tracing::error!(handle = self.id, "DTLS: {failure}");
        self.set_dtls_state(DtlsState::Failed);
        self.hang_up(clock, HangupReason::DtlsAlert, out);
    }

    fn become_ready(&mut self, clock: Clock) {
        self.stage = Stage::Ready;
        self.moves = None;
        if self.ticks.is_some() {
            // Of another transport: media was up before.
            self.renew_data(clock);
            return;
        }
        let record = &self.record;
        let since = |from: Option<i64>, to: i64| from.map(|from| to - from);
        // From the first check to the pair that DTLS begins on, and from there.
        let ice = since(record.checks_started_at, record.dtls_started_at.unwrap_or(clock.mono));
        self.counts.connected(ice, since(record.dtls_started_at, clock.mono));
        self.start_ticking(clock);
        self.start_data(clock);
        self.outputs.push_back(Output::Connected);
    }

    fn set_dtls_state(&mut self, state: DtlsState) {
        self.dtls_state = state;
        let retransmissions = self.retransmissions();
        self.event(PeerEvent::Dtls { state, retransmissions });
    }

    pub(super) fn retransmissions(&self) -> u32 {
        self.dtls.as_ref().map_or(0, |dtls| dtls.retransmissions())
    }

    fn transmit_stun(&mut self, clock: Clock, out: &mut Batch) {
        while let Some(stun) = self.ice.poll_transmit() {
            if stun.uninvited && !self.shared.destinations.admits(stun.path.remote, clock.mono) {
                self.ice.not_sent(stun.path.origin());
                continue;
            }
            // The answer to a request may come from an address that we do not know yet.
            if let Some(id) = stun::request_transaction(&stun.message) {
                self.notes.push_back(Note::Check(id));
                self.note_check(clock, stun.path, id);
            }
            if self.path == Some(stun.path) {
                out.push_bytes(&mut self.cursor, stun.path, &stun.message);
            } else {
                out.push_bytes(&mut Cursor::default(), stun.path, &stun.message);
            }
        }
    }

    pub(super) fn transmit_dtls(&mut self, clock: Clock, out: &mut Batch) {
        let holds = self.holds_flights(clock.instant);
        while let Some(datagram) = self.dtls.as_mut().and_then(|dtls| dtls.poll_transmit()) {
            if holds && !is_verify_request(&datagram) {
                // It is as good as lost, and comes again.
                continue;
            }
            match &mut self.credit {
                Some(credit) => credit.keep(datagram),
                None => self.send_dtls(out, &datagram),
            }
        }
        while let (Some(path), Some(credit), false) = (self.path, &mut self.credit, holds)
            && let Some((path, datagram)) = credit.next(path)
        {
            self.record.dtls_out.packets += 1;
            self.record.dtls_out.bytes += datagram.len() as u64;
            out.push_bytes(&mut Cursor::default(), path, &datagram);
        }
    }

    fn send_dtls(&mut self, out: &mut Batch, datagram: &[u8]) {
        self.record.dtls_out.packets += 1;
        self.record.dtls_out.bytes += datagram.len() as u64;
        self.send(out, datagram);
    }

    /// When the DTLS clock runs out next.
    pub(super) fn dtls_due(&self, now: Instant) -> Option<Instant> {
        let limit = match self.stage {
            Stage::Handshake(limit) => Some(limit),
            _ => None,
        };
        let retransmission = self.dtls.as_ref().and_then(|dtls| dtls.timeout(now));
        [limit, retransmission].into_iter().flatten().min()
    }

    pub(super) fn check_dtls_timers(&mut self, clock: Clock, out: &mut Batch) {
        let Some(dtls) = &mut self.dtls else { return };
        let before = dtls.retransmissions();
        dtls.handle_timeout();
        if dtls.retransmissions() > before {
            self.set_dtls_state(self.dtls_state);
        }
        if let Stage::Handshake(limit) = self.stage
            && clock.instant >= limit
        {
            if self.left_out.count > 0 {
                tracing::error!(handle = self.id, "DTLS: {MISMATCH}");
                self.hang_up(clock, HangupReason::DtlsAlert, out);
            } else {
                self.hang_up(clock, HangupReason::DtlsTimeout, out);
            }
        }
    }

    pub(super) fn ice_failure_due(&self, now: Instant) -> Option<Instant> {
        let failed_at = self.failed_at?;
        let checks = now.saturating_duration_since(failed_at).as_millis() / FAILED_CHECK.as_millis();
        Some(failed_at + FAILED_CHECK * (checks as u32 + 1))
    }

    /// MP-119 to MP-123. "Answer received" needs no check: without an answer there are no checks that could fail.
    pub(super) fn check_ice_failure(&mut self, clock: Clock, out: &mut Batch) {
        let Some(failed_at) = self.failed_at else { return };
        let since = clock.instant.saturating_duration_since(failed_at);
        let at_once = self.shared.config.hangup_on_failed && self.record.connected_at.is_some();
        if at_once || since >= FAILED_MOST || (since >= FAILED_LEAST && self.remote_complete) {
            self.hang_up(clock, HangupReason::IceFailed, out);
        }
    }
}
