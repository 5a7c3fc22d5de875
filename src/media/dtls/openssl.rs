//! [`Dtls`] with OpenSSL over a stream in memory.
//!
//! A handshake that fails is not the end: somebody else may have written the message that broke it. It begins afresh,
//! and only its time limit ends it (docs/decisions/011-dtls-strangers.md). A ClientHello that is not the first one has to
//! show that who sent it reads what we send ([`super::hello`]), so that strangers cannot make us begin anything.
#![forbid(unsafe_code)]

use super::gate::{Gate, client_hello, renumber};
use super::hello::{Cookies, Hello, MOST_REQUESTS, Random, blank, is_verify_request};
use super::settled::{Legacy, Sealed, Settled};
use super::{Connected, Dtls, DtlsError, DtlsEvent, ffi};
use bytes::Bytes;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslStream};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// Datagrams kept before the start: two per ClientHello, which comes again after 50 ms, 100 ms …
const EARLY: usize = 8;
/// Handshakes that are begun, one after the other.
const MOST_BEGINNINGS: u32 = 16;
/// Handshakes that wait beside the one that is being answered.
const MOST_OTHERS: usize = 3;
/// After so many retransmissions without an answer a peer that had come further may begin anew.
const STALLED: u32 = 3;

/// What OpenSSL reads and writes: one datagram per call.
#[derive(Default)]
struct Datagrams {
    /// The datagram that came in last. One is enough: OpenSSL reads it before the next comes.
    incoming: Vec<u8>,
    unread: bool,
    outgoing: VecDeque<Vec<u8>>,
    sealed: Option<Sealed>,
    /// Number of the next record in the clear, whichever handshake sends it.
    next: u64,
    /// OpenSSL has sent something.
    has_answered: bool,
}

impl Read for Datagrams {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !std::mem::take(&mut self.unread) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = self.incoming.len().min(buf.len());
        buf[..len].copy_from_slice(&self.incoming[..len]);
        Ok(len)
    }
}

impl Write for Datagrams {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.sealed = Sealed::last_in(buf).or(self.sealed);
        // What OpenSSL asks for is no cookie of ours, and the number of its request may be a stranger's choice.
        if !is_verify_request(buf) {
            self.has_answered = true;
            self.send(buf.to_vec());
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Datagrams {
    fn send(&mut self, mut datagram: Vec<u8>) {
        renumber(&mut datagram, &mut self.next);
        self.outgoing.push_back(datagram);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Created,
    Handshaking,
    Connected,
    Ended,
}

/// How far the peer has come with the handshake.
#[derive(Clone, Copy, Default)]
struct Progress {
    /// Its ClientHello, when we are the server.
    hello: Option<Hello>,
    /// Who sent that has read what we sent.
    is_proven: bool,
    /// When something else came last: retransmissions of ours by then.
    beyond_hello: Option<u32>,
}

/// A handshake that another ClientHello has put aside.
struct Begun {
    stream: SslStream<Datagrams>,
    gate: Gate,
    progress: Progress,
}

pub struct OpenSslDtls {
    stream: SslStream<Datagrams>,
    gate: Gate,
    progress: Progress,
    /// One of them may be the peer's own: what breaks the present one is tried with them, the last one first.
    others: Vec<Begun>,
    beginnings: u32,
    /// Somebody interferes: from here on a ClientHello begins nothing without the cookie.
    is_wary: bool,
    cookies: Cookies,
    mtu: u32,
    client: bool,
    state: State,
    early: VecDeque<Vec<u8>>,
    events: VecDeque<DtlsEvent>,
    /// Where decrypted data lands; as long as the largest datagram so far.
    plain: Vec<u8>,
    retransmissions: u32,
    /// As the server: what completed the handshake.
    last_flight: Vec<Vec<u8>>,
}

impl OpenSslDtls {
    /// `mtu`: bytes of the largest datagram of a handshake.
    pub(super) fn new(ssl: Ssl, client: bool, mtu: u32) -> Result<OpenSslDtls, DtlsError> {
        Ok(OpenSslDtls {
            mtu,
            stream: SslStream::new(ssl, Datagrams::default())?,
            gate: Gate::new(client, 0),
            progress: Progress::default(),
            others: Vec::new(),
            beginnings: 1,
            is_wary: false,
            cookies: Cookies::random(),
            client,
            state: State::Created,
            early: VecDeque::new(),
            events: VecDeque::new(),
            plain: Vec::new(),
            retransmissions: 0,
            last_flight: Vec::new(),
        })
    }

    /// Connections are many and speak seldom, most of them never after the handshake. So OpenSSL has buffers for its
    /// records only while it works.
    fn work<R>(&mut self, act: impl FnOnce(&mut OpenSslDtls) -> R) -> Result<R, DtlsError> {
        forget_errors();
        ffi::take_buffers(self.stream.ssl())?;
        let result = act(self);
        ffi::give_buffers_back(self.stream.ssl());
        Ok(result)
    }

    /// The same; what `act` runs into has become an event.
    fn work_on(&mut self, act: impl FnOnce(&mut OpenSslDtls)) {
        if let Err(error) = self.work(act) {
            self.fail(error);
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        if !self.client && self.state == State::Handshaking {
            let is_let_in = match client_hello(datagram) {
                Some((hello, cookie)) => self.admits(hello, cookie),
                // Nothing comes before a ClientHello: it would break what has not begun, again and again.
                None => self.progress.hello.is_some(),
            };
            if !is_let_in {
                return;
            }
        }
        let mut incoming = std::mem::take(&mut self.stream.get_mut().incoming);
        incoming.clear();
        let may_continue = !self.is_doubtful();
        let passed = self.gate.pass(datagram, self.stream.ssl(), may_continue, &mut incoming);
        if self.plain.len() < incoming.len() {
            self.plain.resize(incoming.len(), 0);
        }
        self.progress.hello = self.progress.hello.or(passed.hello);
        if passed.records > 0 && passed.hello.is_none() {
            self.progress.beyond_hello = Some(self.retransmissions);
        }
        let datagrams = self.stream.get_mut();
        datagrams.incoming = incoming;
        datagrams.unread = passed.records > 0;
        let others = self.others.len();
        if passed.records > 0 {
            self.advance();
        }
        if self.others.len() < others {
            self.take(datagram);
        }
    }

    /// Whether the present handshake is, or has become, the one that begins with this.
    fn admits(&mut self, hello: Hello, cookie: &[u8]) -> bool {
        let Progress { hello: known, is_proven, beyond_hello } = self.progress;
        if known == Some(hello) {
            // Its end was taken for a stranger's, and will be again: it begins anew, with the cookie.
            let is_cut = self.is_doubtful() && !self.stream.get_ref().has_answered;
            if is_cut && hello.number == 0 {
                self.ask(hello.number);
            }
            return !is_cut;
        }
        let goes_on = beyond_hello.is_some_and(|since| self.retransmissions < since + STALLED);
        if hello.number > MOST_REQUESTS || (is_proven && goes_on) {
            return false;
        }
        let proves = self.cookies.include(cookie);
        if !proves && (self.is_wary || known.is_some()) {
            self.is_wary = true;
            // Of a later one the number is a stranger's choice, and a client need not take a second request: who has had ours
            // repeats its cookie. Another cookie is that of another association, as long as nobody has shown ours.
            if hello.number == 0 || (!is_proven && !cookie.is_empty()) {
                self.ask(hello.number);
            }
            return false;
        }
        // Who was asked, by whomever, repeats what it was given.
        if hello.number > 0 && cookie.is_empty() {
            return false;
        }
        if known.is_some() || hello.number > 0 {
            return self.turn_to(hello, proves);
        }
        true
    }

    /// The present handshake may be a stranger's, and the peer was asked for a cookie: once it has read that, a flight without
    /// a cookie breaks its handshake. So what waits of that flight is thrown away, and nobody completes it.
    fn is_doubtful(&self) -> bool {
        !self.client && self.state == State::Handshaking && self.is_wary && !self.progress.is_proven
    }

    /// Asks whoever sends ClientHellos for the cookie. One such request at a time is enough.
    fn ask(&mut self, number: u16) {
        let request = self.cookies.request(number);
        let is_doubtful = self.is_doubtful();
        let datagrams = self.stream.get_mut();
        datagrams.outgoing.retain(|waiting| !is_doubtful && !is_verify_request(waiting));
        datagrams.send(request);
    }

    /// Puts the present handshake aside for the one that begins with this, which may have been put aside itself. False when
    /// there were too many.
    fn turn_to(&mut self, hello: Hello, is_proven: bool) -> bool {
        let known = self.others.iter().position(|other| other.progress.hello == Some(hello));
        let present = match known.map(|at| self.others.remove(at)) {
            Some(begun) => self.install(begun),
            None => {
                // What nobody has begun yet is replaced.
                self.beginnings -= u32::from(self.progress.hello.is_none());
                if self.beginnings == MOST_BEGINNINGS {
                    return false;
                }
                self.begin_afresh(hello.number)
            }
        };
        self.progress.is_proven |= is_proven;
        if let Some(mut present) = present.filter(|present| present.progress.hello.is_some()) {
            ffi::give_buffers_back(present.stream.ssl());
            present.stream.get_mut().outgoing.clear();
            if self.others.len() == MOST_OTHERS {
                // The first one had nobody before it to imitate.
                self.others.remove(1);
            }
            self.others.push(present);
        }
        true
    }

    /// Goes on with another one, and returns the present one.
    fn install(&mut self, mut begun: Begun) -> Option<Begun> {
        begun.stream.get_mut().next = self.stream.get_ref().next;
        if let Err(error) = ffi::take_buffers(begun.stream.ssl()) {
            self.fail(error.into());
            return None;
        }
        Some(Begun {
            stream: std::mem::replace(&mut self.stream, begun.stream),
            gate: std::mem::replace(&mut self.gate, begun.gate),
            progress: std::mem::replace(&mut self.progress, begun.progress),
        })
    }

    /// As the client it sends another ClientHello, as the server it waits for one, of this number. Returns the handshake so
    /// far.
    fn begin_afresh(&mut self, hello: u16) -> Option<Begun> {
        if self.beginnings == MOST_BEGINNINGS {
            // The rest of its time passes in silence.
            self.state = State::Ended;
            return None;
        }
        self.beginnings += 1;
        let ssl = super::context::prepare(self.stream.ssl().ssl_context(), self.mtu, self.client);
        match ssl.and_then(|ssl| SslStream::new(ssl, Datagrams::default())) {
            Ok(stream) => {
                let gate = Gate::new(self.client, hello);
                let present = self.install(Begun { stream, gate, progress: Progress::default() });
                if self.client {
                    self.advance();
                } else if let Err(error) = self.count_requests(hello) {
                    self.fail(error);
                }
                present
            }
            Err(error) => {
                self.fail(error.into());
                None
            }
        }
    }

    /// Lets a server that has just begun believe that it has sent so many requests for a cookie: messages are numbered, and
    /// the numbers are part of what a handshake proves.
    fn count_requests(&mut self, count: u16) -> Result<(), DtlsError> {
        if count == 0 {
            return Ok(());
        }
        ffi::exchange_cookies(self.stream.ssl());
        for number in 0..count {
            let datagrams = self.stream.get_mut();
            (datagrams.incoming, datagrams.unread) = (blank(number), true);
            self.shake_hands()?;
        }
        Ok(())
    }

    /// Lets OpenSSL do what it can with what it has.
    fn advance(&mut self) {
        loop {
            let step = match self.state {
                State::Handshaking => self.shake_hands(),
                State::Connected => self.read(),
                State::Created | State::Ended => return,
            };
            match step {
                Ok(true) => {}
                Ok(false) => return,
                // What OpenSSL would tell the peer goes with it.
                Err(error) if self.state == State::Handshaking => {
                    self.events.push_back(DtlsEvent::Refused(error));
                    self.is_wary = true;
                    match self.others.pop() {
                        Some(other) => drop(self.install(other)),
                        None => drop(self.begin_afresh(0)),
                    }
                    return;
                }
                Err(error) => return self.fail(error),
            }
        }
    }

    /// Whether there may be more to do.
    fn shake_hands(&mut self) -> Result<bool, DtlsError> {
        forget_errors();
        match self.stream.do_handshake() {
            Ok(()) => {
                // From here on it is the peer who fails.
                self.state = State::Connected;
                self.others = Vec::new();
                let connected = Connected::from_ssl(self.stream.ssl(), self.client)?;
                if !self.client {
                    self.last_flight = self.stream.get_ref().outgoing.iter().cloned().collect();
                }
                self.events.push_back(DtlsEvent::Connected(Box::new(connected)));
                Ok(true)
            }
            Err(error) => self.starved_or_broken(&error),
        }
    }

    fn read(&mut self) -> Result<bool, DtlsError> {
        forget_errors();
        match self.stream.ssl_read(&mut self.plain) {
            Ok(len) => {
                if len > 0 {
                    self.events.push_back(DtlsEvent::Data(Bytes::copy_from_slice(&self.plain[..len])));
                }
                Ok(len > 0)
            }
            Err(error) if error.code() == ErrorCode::ZERO_RETURN => {
                self.state = State::Ended;
                self.events.push_back(DtlsEvent::Closed);
                Ok(false)
            }
            Err(error) => self.starved_or_broken(&error),
        }
    }

    fn starved_or_broken(&self, error: &openssl::ssl::Error) -> Result<bool, DtlsError> {
        match error.code() {
            ErrorCode::WANT_READ | ErrorCode::WANT_WRITE => Ok(false),
            _ => Err(DtlsError::OpenSsl(error.to_string())),
        }
    }

    fn fail(&mut self, error: DtlsError) {
        self.state = State::Ended;
        self.events.push_back(DtlsEvent::Failed(error));
    }

    /// [`Dtls::settle`]
    pub fn settled(&mut self) -> Option<Settled> {
        if self.state != State::Connected {
            return None;
        }
        let sealed = self.stream.get_ref().sealed?;
        let mut settled = Settled::new(self.stream.ssl(), self.client, sealed)?;
        let datagrams = self.stream.get_mut();
        let legacy = Legacy {
            last_flight: std::mem::take(&mut self.last_flight),
            outgoing: std::mem::take(&mut datagrams.outgoing),
            events: std::mem::take(&mut self.events),
            retransmissions: self.retransmissions,
        };
        settled.take_over(legacy, &datagrams.incoming);
        self.state = State::Ended;
        Some(settled)
    }
}

impl Dtls for OpenSslDtls {
    fn start(&mut self) {
        if self.state != State::Created {
            return;
        }
        self.state = State::Handshaking;
        let early = std::mem::take(&mut self.early);
        self.work_on(|dtls| {
            dtls.advance();
            early.iter().for_each(|datagram| dtls.take(datagram));
        });
    }

    fn handle(&mut self, datagram: &[u8]) {
        match self.state {
            State::Created if self.early.len() < EARLY => self.early.push_back(datagram.to_vec()),
            State::Created | State::Ended => {}
            State::Handshaking | State::Connected => {
                // Else OpenSSL would do it while it reads, and nobody would count it.
                self.handle_timeout();
                self.work_on(|dtls| dtls.take(datagram));
            }
        }
    }

    fn expect(&mut self, cookies: Cookies, next: u64) {
        self.cookies = cookies;
        let datagrams = self.stream.get_mut();
        datagrams.next = datagrams.next.max(next);
    }

    fn begun_by(&self) -> Option<Random> {
        self.progress.hello.map(|hello| hello.random)
    }

    fn give_way(&mut self) -> bool {
        let Progress { hello, is_proven, beyond_hello } = self.progress;
        let is_begun = !self.client && self.state == State::Handshaking && hello.is_some();
        let gives_way = is_begun && !is_proven && beyond_hello.is_none();
        if gives_way {
            self.is_wary = true;
            self.others.clear();
            self.work_on(|dtls| drop(dtls.begin_afresh(0)));
            self.stream.get_mut().outgoing.clear();
        }
        gives_way
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.stream.get_mut().outgoing.pop_front()
    }

    fn poll_event(&mut self) -> Option<DtlsEvent> {
        self.events.pop_front()
    }

    fn timeout(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Handshaking | State::Connected => ffi::timeout(self.stream.ssl()).map(|left| now + left),
            State::Created | State::Ended => None,
        }
    }

    fn handle_timeout(&mut self) {
        if !matches!(self.state, State::Handshaking | State::Connected)
            || ffi::timeout(self.stream.ssl()) != Some(Duration::ZERO)
        {
            return;
        }
        self.work_on(|dtls| match ffi::handle_timeout(dtls.stream.ssl()) {
            Ok(sent) => dtls.retransmissions += u32::from(sent),
            Err(error) => dtls.fail(error.into()),
        });
    }

    fn write(&mut self, data: &[u8]) -> Result<(), DtlsError> {
        if self.state != State::Connected {
            return Err(DtlsError::NotConnected);
        }
        let written = self.work(|dtls| dtls.stream.ssl_write(data))?;
        written.map(|_| ()).map_err(|error| DtlsError::OpenSsl(error.to_string()))
    }

    fn close(&mut self) {
        if self.state == State::Connected {
            // Not waiting for the peer's own close alert; what can fail here has no listener any more.
            let _ = self.work(|dtls| dtls.stream.shutdown());
        }
        self.state = State::Ended;
    }

    fn retransmissions(&self) -> u32 {
        self.retransmissions
    }

    fn settle(&mut self) -> Option<Box<dyn Dtls>> {
        self.settled().map(|settled| Box::new(settled) as Box<dyn Dtls>)
    }
}

/// OpenSSL reports errors through a queue of the thread, where other users of the library (plugins) may have left
/// theirs; `SSL_get_error` would take them for ours.
fn forget_errors() {
    let _ = ErrorStack::get();
}
