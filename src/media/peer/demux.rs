//! What tells the packets of several PeerConnections apart that come from one address.

use super::{Clock, Connection, Stage};
use crate::media::batch::Batch;
use crate::media::dtls::{
    Connected, Cookies, Dtls, Hello as ClientHello, Secret, certificate, client_hello, fingerprint_of,
    is_verify_request,
};
use crate::media::ice::Origin;
use crate::media::types::{DtlsRole, DtlsState};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// A handshake that stands still for so long does not keep others from theirs.
const STALLED: Duration = Duration::from_secs(2);
/// How long flights wait that nobody has proven to be for, while somebody else comes or the answer to a request for a
/// cookie is under way; and how long that may go on.
const HOLD: Duration = Duration::from_secs(1);
const MOST_HELD: Duration = Duration::from_secs(3);

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Where a record with a message has its type (RFC 6347 §4.1, §4.2.2); and where any record has its epoch and length.
const TYPE: usize = 13;
const EPOCH: std::ops::Range<usize> = 3..5;
const LENGTH: std::ops::Range<usize> = 11..13;
/// Records of a handshake that are remembered.
const MAX_FLIGHTS: usize = 16;
/// Datagrams with certificates of others that a handshake goes on without, and for how long since the first of them.
const MOST_LEFT_OUT: u32 = 4;
const LEAVES_OUT: Duration = Duration::from_secs(2);
/// Addresses that one handshake comes from.
const MAX_PLACES: usize = 4;

/// Datagrams that a handshake goes on without.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    pub count: u32,
    since: Option<Instant>,
}

impl LeftOut {
    fn goes_on(&self, now: Instant) -> bool {
        self.count < MOST_LEFT_OUT && self.since.is_none_or(|since| now < since + LEAVES_OUT)
    }
}

/// How well a handshake datagram fits a PeerConnection; the least fits best. A path that leads to where it came from is
/// worth more than anything that was heard from there: a full agent's has been proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The path leads there. It repeats the ClientHello, or goes on with the handshake that runs from there, whose sender has
    /// proven to read what we send.
    Proven,
    /// The same of a handshake of which that is not known.
    Running,
    /// The path leads there, and the handshake that runs may have moved.
    Moved,
    /// The path leads there, and no handshake has begun.
    Next,
    /// The path leads there, and it begins another handshake than the one that has begun.
    Anew,
    /// It repeats the ClientHello, or goes on with the handshake, but no path leads there.
    Astray,
    /// There is no path yet.
    Perhaps,
    /// The path leads elsewhere.
    Elsewhere,
}

impl Fit {
    /// It belongs to a handshake that has begun.
    pub fn goes_on(self) -> bool {
        matches!(self, Fit::Proven | Fit::Running | Fit::Moved | Fit::Astray)
    }
}

/// A handshake that has begun.
pub(super) struct Hello {
    /// Of its ClientHello.
    random: [u8; 32],
    /// When something new of it came last.
    heard: Instant,
    /// Where it came from.
    places: Vec<Origin>,
    /// It has repeated a cookie of ours.
    is_proven: bool,
    /// Since when its flights are held back, and until when.
    held: Option<(Instant, Instant)>,
}

/// A handshake of somebody else's, which the PeerConnection leaves behind that it has come to.
pub struct Left {
    dtls: Box<dyn Dtls>,
    hello: Hello,
    flights: Vec<u64>,
    dtls_role: DtlsRole,
}

impl Left {
    pub fn places(&self) -> &[Origin] {
        &self.hello.places
    }
}

/// Type of the message in the clear that a datagram begins with.
fn first_message(datagram: &[u8]) -> Option<u8> {
    let is_clear = datagram.first() == Some(&HANDSHAKE) && datagram.get(EPOCH) == Some(&[0, 0]);
    datagram.get(TYPE).filter(|_| is_clear).copied()
}

/// Before a datagram that came from where these are the cookies: one that repeats a cookie may have had it from whomever.
pub(super) fn expect(secret: &Secret, dtls: &mut dyn Dtls, cookies: Cookies, datagram: &[u8]) {
    let was_asked = client_hello(datagram).is_some_and(|(hello, _)| hello.number > 0);
    dtls.expect(cookies, if was_asked { secret.next_record() } else { 0 });
}

/// Whether a datagram is a ClientHello or a part of one.
pub fn is_of_hello(datagram: &[u8]) -> bool {
    first_message(datagram) == Some(CLIENT_HELLO)
}

/// Whether only this end of a handshake sends what a datagram begins with; `None`: both do.
fn is_of_client(datagram: &[u8]) -> Option<bool> {
    match first_message(datagram)? {
        // RFC 5246 §7.4: ClientHello, CertificateVerify, ClientKeyExchange.
        CLIENT_HELLO | 15 | 16 => Some(true),
        // ServerHello, HelloVerifyRequest, ServerKeyExchange, CertificateRequest, ServerHelloDone.
        2 | 3 | 12..=14 => Some(false),
        _ => None,
    }
}

/// What stays the same of a handshake datagram that is sent again, be it in other pieces: hashes of its records in the
/// clear, without their numbers.
pub(super) fn fragments(mut datagram: &[u8]) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let length = u16::from_be_bytes(datagram.get(LENGTH)?.try_into().ok()?);
        let (record, rest) = datagram.split_at_checked(TYPE + usize::from(length))?;
        datagram = rest;
        Some(record)
    })
    .filter(|record| record[0] == HANDSHAKE && record[EPOCH] == [0, 0])
    .map(|record| {
        let mut hasher = DefaultHasher::new();
        record[TYPE..].hash(&mut hasher);
        hasher.finish()
    })
}

impl Hello {
    fn is_running(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < STALLED
    }
}

impl Connection {
    /// Media of the peer's with this SSRC has come, or was announced.
    pub fn knows(&self, ssrc: u32) -> bool {
        self.streams.media.by_ssrc(ssrc).is_some_and(|binding| !binding.local)
    }

    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether the last datagram of media or DTLS was the peer's own.
    pub fn was_authentic(&self) -> bool {
        self.authentic
    }

    /// Of the address that a ClientHello came from.
    pub fn cookies(&self, clock: Clock, from: Origin) -> Cookies {
        self.shared.cookies.cookies(&format!("{from:?}"), clock.mono)
    }

    /// Asks who sent a ClientHello for the cookie.
    pub fn ask(&self, cookies: &Cookies, hello: ClientHello, cookie: &[u8]) -> Option<Vec<u8>> {
        self.shared.cookies.ask(cookies, hello, cookie)
    }

    /// Whether a datagram of a handshake that came from there may be for us. A ClientHello begins it; everything else
    /// belongs to the one that runs. `None`: there is nothing to shake hands about.
    pub fn fits(&self, now: Instant, from: Origin, datagram: &[u8]) -> Option<Fit> {
        if !matches!(self.stage, Stage::New | Stage::Handshake(_)) {
            return None;
        }
        let hello = client_hello(datagram).map(|(hello, _)| hello.random);
        let is_client = self.dtls_role == DtlsRole::Active;
        let is_begun = is_client || self.hello.is_some();
        if is_of_client(datagram) == Some(is_client) || (hello.is_none() && !is_begun) {
            return None;
        }
        let leads_there = self.leads_to(from);
        let is_its_own = self.hello.as_ref().is_some_and(|known| match hello {
            Some(hello) => known.random == hello,
            None => known.is_running(now) && known.places.contains(&from),
        });
        let is_proven = self.hello.as_ref().is_some_and(|hello| hello.is_proven);
        Some(match (is_its_own, hello) {
            (true, _) if leads_there && is_proven => Fit::Proven,
            (true, _) if leads_there => Fit::Running,
            (true, _) => Fit::Astray,
            (false, None) if leads_there => Fit::Moved,
            (false, Some(_)) if leads_there && self.hello.is_some() => Fit::Anew,
            (false, Some(_)) if leads_there => Fit::Next,
            (false, _) if self.path.is_none() => Fit::Perhaps,
            (false, _) => Fit::Elsewhere,
        })
    }

    fn leads_to(&self, from: Origin) -> bool {
        self.path.is_some_and(|path| path.origin() == from)
    }

    /// Whether a handshake goes on that others have to wait for: its path leads there, and something new of it came from
    /// there not long ago. A lite agent's path proves nothing, so that there only a cookie counts.
    pub fn shakes_hands(&self, now: Instant, from: Origin) -> bool {
        matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.leads_to(from)
            && self.hello.as_ref().is_some_and(|hello| {
                hello.is_running(now)
                    && hello.places.contains(&from)
                    && (hello.is_proven || !self.ice.is_lite())
            })
    }

    /// Whether the handshake that it is part of needs no cookie any more: it has one, or we have answered without, and a
    /// request does not go together with that answer.
    pub fn is_answered(&self, datagram: &[u8]) -> bool {
        let is_hello = client_hello(datagram).is_some();
        self.hello
            .as_ref()
            .is_some_and(|hello| hello.is_proven || (is_hello && self.record.dtls_out.packets > 0))
    }

    /// Who has begun the handshake that runs has read what we sent.
    pub fn is_proven(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.is_proven)
    }

    /// Somebody else has come to the address, or was asked for a cookie there.
    pub fn hold_flights(&mut self, now: Instant, from: Origin) {
        let hello = self.hello.as_mut().filter(|hello| !hello.is_proven && hello.places.contains(&from));
        if let Some(hello) = hello
            && self.ice.is_lite()
        {
            let since = hello.held.map_or(now, |(since, _)| since);
            hello.held = Some((since, (now + HOLD).min(since + MOST_HELD)));
        }
    }

    pub(super) fn holds_flights(&self, now: Instant) -> bool {
        self.hello
            .as_ref()
            .is_some_and(|hello| !hello.is_proven && hello.held.is_some_and(|(_, until)| now < until))
    }

    /// Somebody has proven to read what we send there, with another handshake than ours.
    pub fn give_way(&mut self, from: Origin) {
        let is_doubtful = |hello: &Hello| !hello.is_proven && hello.places.contains(&from);
        if self.ice.is_lite()
            && let Some(dtls) = &mut self.dtls
            && matches!(self.stage, Stage::Handshake(_))
            && self.hello.as_ref().is_some_and(is_doubtful)
            && dtls.give_way()
        {
            self.hello = None;
            self.flights.clear();
            self.drop_flights();
        }
    }

    /// What runs in our place, for somebody who goes on with it: whoever shares an address may leave at any time.
    pub(super) fn leave(&mut self) {
        if let Stage::Handshake(_) = self.stage
            && self.dtls_state == DtlsState::Trying
            && self.stray.is_none()
            && let Some(hello) = self.hello.take_if(|hello| hello.is_proven)
            && let Some(dtls) = self.dtls.take()
        {
            let flights = std::mem::take(&mut self.flights);
            self.left = Some(Box::new(Left { dtls, hello, flights, dtls_role: self.dtls_role }));
        }
    }

    pub fn take_left(&mut self) -> Option<Left> {
        self.left.take().map(|left| *left)
    }

    /// Whether we wait for a handshake, and this may be it.
    pub fn may_adopt(&self, left: &Left, from: Origin) -> bool {
        matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.dtls_role == left.dtls_role
            && self.path.is_none_or(|path| path.origin() == from)
            && self.hello.as_ref().is_none_or(|hello| !hello.is_proven)
    }

    /// Goes on with it; [`Connection::go_on`] has to follow.
    pub fn adopt(&mut self, left: Left) {
        self.dtls = Some(left.dtls);
        self.hello = Some(left.hello);
        self.flights = left.flights;
        self.early.clear();
    }

    /// Whether this is part of our handshake, which is through: the peer has missed our last flight.
    pub fn heard_before(&self, datagram: &[u8]) -> bool {
        // All that come from one address are asked for the same cookie; and who was asked for it has answered.
        if !self.is_ready() || is_verify_request(datagram) {
            return false;
        }
        let mut hashes = fragments(datagram).peekable();
        hashes.peek().is_some() && hashes.all(|hash| self.flights.contains(&hash))
    }

    /// Whether a datagram may belong to the handshake that runs, which [`Connection::note_hello`] has taken note of: it is not
    /// another one's ClientHello.
    pub(super) fn goes_on_with(&self, datagram: &[u8]) -> bool {
        let random = client_hello(datagram).map(|(hello, _)| hello.random);
        random.is_none_or(|random| self.hello.as_ref().is_some_and(|known| known.random == random))
    }

    pub(super) fn note_hello(&mut self, clock: Clock, from: Origin, datagram: &[u8]) {
        if !matches!(self.stage, Stage::New | Stage::Handshake(_)) {
            return;
        }
        if let Some((hello, cookie)) = client_hello(datagram) {
            let cookies = self.cookies(clock, from);
            if let Some(dtls) = &mut self.dtls {
                expect(&self.shared.cookies, &mut **dtls, cookies, datagram);
            }
            let proves = cookies.include(cookie);
            let begun_by = self.dtls.as_ref().and_then(|dtls| dtls.begun_by());
            // Who is only asked for a cookie has begun nothing: the one that runs, and where it runs, stays known.
            let stays = |known: &Hello| {
                let runs = known.is_proven && known.is_running(clock.instant);
                !proves && (runs || begun_by == Some(known.random))
            };
            if self.hello.as_ref().is_none_or(|known| known.random != hello.random) {
                if self.hello.as_ref().is_some_and(stays) {
                    return;
                }
                self.hello = Some(Hello {
                    random: hello.random,
                    heard: clock.instant,
                    places: Vec::new(),
                    is_proven: false,
                    held: None,
                });
                // What came before belongs to another one.
                self.flights.clear();
            }
            if let Some(known) = &mut self.hello {
                known.is_proven |= proves;
            }
        }
        let mut hashes = fragments(datagram).peekable();
        if hashes.peek().is_none() {
            return;
        }
        if let Some(hello) = &mut self.hello
            && hello.places.len() < MAX_PLACES
            && !hello.places.contains(&from)
        {
            hello.places.push(from);
        }
        for hash in hashes {
            if self.flights.len() < MAX_FLIGHTS && !self.flights.contains(&hash) {
                self.flights.push(hash);
                // Who only repeats it does not bring it on; of a lite agent that has no cookie nobody may be there.
                if let Some(hello) = &mut self.hello
                    && (hello.is_proven || !self.ice.is_lite())
                {
                    hello.heard = clock.instant;
                }
            }
        }
    }

    /// Whether a datagram shows the certificate that our peer's description announced; `None`: it shows none.
    pub fn is_announced_in(&self, datagram: &[u8]) -> Option<bool> {
        let announced = self.remote.as_ref()?.fingerprint.as_ref()?;
        let shown = fingerprint_of(certificate(datagram)?, announced.hash).ok()?;
        Some(shown.value.eq_ignore_ascii_case(&announced.value))
    }

    /// Whether a datagram is left out of the handshake because it shows another certificate: it would break it. That may
    /// also be a peer whose description is wrong, which has to be told; so only the first few are, and not for long: a peer
    /// waits longer each time before it shows its certificate again.
    pub(super) fn leaves_out(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let is_foreign = matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.left_out.goes_on(now)
            && self.is_announced_in(datagram) == Some(false);
        if is_foreign {
            self.left_out.count += 1;
            self.left_out.since.get_or_insert(now);
        }
        is_foreign
    }

    /// As [`Connection::dtls`], for a datagram from an address that is not ours alone. True: the handshake is through, and
    /// it was somebody else's; [`Connection::exchange`] or [`Connection::keep_stray`] has to follow. `of_owner`: it shows the
    /// certificate of one of those who share the address.
    pub fn dtls_from_shared(
        &mut self,
        clock: Clock,
        from: Origin,
        datagram: &[u8],
        of_owner: bool,
        out: &mut Batch,
    ) -> bool {
        if !of_owner && self.leaves_out(clock.instant, datagram) {
            return false;
        }
        self.shares_address = true;
        self.dtls(clock, from, datagram, out);
        self.shares_address = false;
        self.stray.is_some()
    }

    /// Whether the handshake that went astray was meant for `other`.
    pub fn has_stray_of(&self, other: &Connection) -> bool {
        let waits = matches!(other.stage, Stage::New | Stage::Handshake(_));
        waits
            && self.dtls_role == other.dtls_role
            && self.stray.as_ref().is_some_and(|connected| other.is_announced(connected))
    }

    /// Gives our association to whom it was meant for, and takes the one that it had. [`Connection::take_up`] has to follow
    /// there, with what is returned, and [`Connection::go_on`] here.
    pub fn exchange(&mut self, other: &mut Connection) -> Option<Box<Connected>> {
        let connected = self.stray.take()?;
        std::mem::swap(&mut self.dtls, &mut other.dtls);
        std::mem::swap(&mut self.hello, &mut other.hello);
        std::mem::swap(&mut self.flights, &mut other.flights);
        if self.dtls.is_none() {
            self.stage = Stage::New;
        }
        Some(connected)
    }

    /// The handshake that was given to us is through; its last datagram came from there.
    pub fn take_up(&mut self, clock: Clock, from: Origin, connected: &Connected, out: &mut Batch) {
        self.from = Some(from);
        self.take_keys(clock, connected, out);
        self.heard_dtls(clock);
        self.from = None;
        self.progress(clock, out);
    }

    /// Goes on with the association that was got in exchange.
    pub fn go_on(&mut self, clock: Clock, out: &mut Batch) {
        self.progress(clock, out);
    }

    /// Nobody misses the association: ours fails.
    pub fn keep_stray(&mut self, clock: Clock, out: &mut Batch) {
        if let Some(connected) = self.stray.take() {
            self.take_keys(clock, &connected, out);
            self.progress(clock, out);
        }
    }
}
