//! The TCP connections of one worker.
#![forbid(unsafe_code)]

use super::connection::{Room, Stage, TcpConnection};
use super::listener::Listener;
use super::outbox::Figures;
use crate::media::batch::Batch;
use crate::media::ice::{Path, TcpId, Way};
use rustix::event::{Timespec, epoll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How many connections a worker has.
pub(super) struct Limits {
    pub all: usize,
    /// Those through which nothing authentic came yet. A newcomer takes the place of the oldest: who means it has shown so
    /// within a round trip.
    pub young: usize,
    /// Of these, those from one address.
    pub young_of_one: usize,
}

const LIMITS: Limits = Limits { all: 16_384, young: 512, young_of_one: 64 };
/// How long a connection may be young.
pub(super) const YOUTH: Duration = Duration::from_secs(10);
/// Connections taken, and sockets looked at, in one turn.
const ACCEPTS: usize = 64;
const EVENTS: usize = 64;
/// After the system had no descriptor for a new connection.
const PAUSE: Duration = Duration::from_secs(1);
/// Numbers of listeners begin here, those of connections are below.
const LISTENERS: u64 = 1 << 32;

struct Young {
    id: u32,
    since: Instant,
    source: u64,
}

/// What a PeerConnection has to be told.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// The connection that was asked for is there.
    Opened {
        seat: u32,
        path: Path,
    },
    Lost {
        seat: Option<u32>,
        path: Path,
    },
}

pub struct TcpConnections {
    epoll: OwnedFd,
    listeners: Vec<Listener>,
    all: HashMap<u32, TcpConnection>,
    last: u32,
    /// In the order in which their time runs out.
    young: VecDeque<Young>,
    /// To be read.
    readable: VecDeque<u32>,
    news: VecDeque<News>,
    /// To be closed once what was written for them has left.
    closing: Vec<TcpId>,
    /// Nobody is let in until then.
    paused: Option<Instant>,
    pub(super) limits: Limits,
    dscp: u8,
    pub figures: Figures,
}

impl TcpConnections {
    pub fn new(listeners: Vec<Listener>, dscp: u8) -> io::Result<TcpConnections> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, listener) in listeners.iter().enumerate() {
            let number = epoll::EventData::new_u64(LISTENERS + index as u64);
            epoll::add(&epoll, &listener.socket, number, epoll::EventFlags::IN)?;
        }
        Ok(TcpConnections {
            epoll,
            listeners,
            all: HashMap::new(),
            last: 0,
            young: VecDeque::new(),
            readable: VecDeque::new(),
            news: VecDeque::new(),
            closing: Vec::new(),
            paused: None,
            limits: LIMITS,
            dscp,
            figures: Figures::default(),
        })
    }

    /// Readable when [`TcpConnections::poll`] has something to do.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[cfg(test)]
    pub(super) fn is_full(&self, id: TcpId) -> bool {
        self.all[&id.0].is_full()
    }

    pub fn is_open(&self, id: TcpId) -> bool {
        self.all.contains_key(&id.0)
    }

    /// Does what the kernel has become ready for, and notes which connections are to be read. `ours`: what may be
    /// connected to.
    pub fn poll(&mut self, now: Instant, ours: &[SocketAddr]) {
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        // An error is a signal, at most: the next turn asks again.
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut events, Some(&Timespec::default())) else {
            return;
        };
        for event in events {
            let (flags, number) = (event.flags, event.data.u64());
            match number.checked_sub(LISTENERS) {
                Some(listener) => self.accept(listener as usize, now, ours),
                None => self.attend_to(number as u32, flags),
            }
        }
    }

    fn attend_to(&mut self, id: u32, flags: epoll::EventFlags) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        if connection.stage == Stage::Opening {
            return self.finish_opening(id);
        }
        if flags.contains(epoll::EventFlags::OUT) {
            let outcome = connection.flush();
            self.after_sending(id, outcome);
        }
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            self.readable.push_back(id);
        }
    }

    fn accept(&mut self, listener: usize, now: Instant, ours: &[SocketAddr]) {
        for _ in 0..ACCEPTS {
            match self.listeners[listener].socket.accept() {
                Ok((socket, remote)) => self.let_in(socket, remote, now, ours),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if is_exhausted(&error) => {
                    // One that has shown nothing makes room; the next turn takes the newcomer.
                    if let Some(oldest) = self.young.front().map(|young| young.id) {
                        self.lose(oldest);
                    } else {
                        tracing::warn!("no more TCP connections for now: {error}");
                        self.pause(now);
                    }
                    return;
                }
                // The peer has given up meanwhile.
                Err(_) => {}
            }
        }
    }

    fn let_in(&mut self, socket: TcpStream, remote: SocketAddr, now: Instant, ours: &[SocketAddr]) {
        let Ok(local) = socket.local_addr() else { return };
        // Without the scope of a link-local address, which is not part of what is offered.
        let local = SocketAddr::new(local.ip(), local.port());
        // As with UDP: an address that is not offered is not there.
        if !ours.contains(&local) {
            return;
        }
        let source = source(remote.ip());
        let of_source = self.young.iter().filter(|young| young.source == source);
        if of_source.clone().count() >= self.limits.young_of_one
            && let Some(id) = of_source.map(|young| young.id).next()
        {
            self.lose(id);
        }
        if (self.young.len() >= self.limits.young || self.all.len() >= self.limits.all)
            && let Some(id) = self.young.front().map(|young| young.id)
        {
            self.lose(id);
        }
        if self.all.len() < self.limits.all {
            let flags = epoll::EventFlags::IN;
            let added = self.add(socket, (local, remote), Stage::Young(0), None, now, flags);
            if let Err(error) = added {
                tracing::debug!("a TCP connection from {remote} is of no use: {error}");
            }
        }
    }

    fn add(
        &mut self,
        socket: TcpStream,
        (local, remote): (SocketAddr, SocketAddr),
        stage: Stage,
        seat: Option<u32>,
        now: Instant,
        flags: epoll::EventFlags,
    ) -> io::Result<()> {
        let id = loop {
            self.last = self.last.wrapping_add(1);
            if !self.all.contains_key(&self.last) {
                break self.last;
            }
        };
        let path = Path { way: Way::Tcp(TcpId(id)), local, remote };
        let connection = TcpConnection::new(socket, path, stage, seat, self.dscp)?;
        epoll::add(&self.epoll, &connection.socket, epoll::EventData::new_u64(id.into()), flags)?;
        self.young.push_back(Young { id, since: now, source: source(remote.ip()) });
        self.all.insert(id, connection);
        Ok(())
    }

    /// Opens a connection for the check of a PeerConnection; [`News::Opened`] tells when it is there.
    pub fn open(&mut self, seat: u32, from: IpAddr, to: SocketAddr, now: Instant) -> io::Result<()> {
        if self.young.len() >= self.limits.young || self.all.len() >= self.limits.all {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        bind(&socket, &SocketAddr::new(from, 0))?;
        match connect(&socket, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let socket = TcpStream::from(socket);
        let local = SocketAddr::new(from, socket.local_addr()?.port());
        self.add(socket, (local, to), Stage::Opening, Some(seat), now, epoll::EventFlags::OUT)
    }

    fn finish_opening(&mut self, id: u32) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        let is_there = matches!(sockopt::socket_error(&connection.socket), Ok(Ok(())));
        let number = epoll::EventData::new_u64(id.into());
        let watched =
            is_there && epoll::modify(&self.epoll, &connection.socket, number, epoll::EventFlags::IN).is_ok();
        match connection.seat {
            Some(seat) if watched => {
                connection.stage = Stage::Young(0);
                self.news.push_back(News::Opened { seat, path: connection.path });
            }
            _ => self.lose(id),
        }
    }

    /// An authentic message came through it.
    pub fn known(&mut self, id: TcpId) {
        if let Some(connection) = self.all.get_mut(&id.0)
            && connection.stage != Stage::Known
        {
            connection.stage = Stage::Known;
            self.young.retain(|young| young.id != id.0);
        }
    }

    /// Reads the next connection that has something; what it brought is in `room`. A peer that sends without end gets one
    /// reading in a turn.
    pub fn read(&mut self, room: &mut Room) -> Option<Path> {
        while let Some(id) = self.readable.pop_front() {
            let Some(connection) = self.all.get_mut(&id) else { continue };
            match connection.read(room) {
                Ok(()) => return Some(connection.path),
                Err(error) => {
                    tracing::debug!("TCP connection with {}: {error}", connection.path.remote);
                    self.lose(id);
                }
            }
        }
        None
    }

    /// Sends all lanes that go through connections.
    pub fn send(&mut self, batch: &Batch) {
        if self.all.is_empty() {
            return;
        }
        for lane in batch.lanes() {
            let Way::Tcp(TcpId(id)) = lane.path.way else { continue };
            match self.all.get_mut(&id).filter(|connection| connection.stage != Stage::Opening) {
                Some(connection) => {
                    let outcome = connection.send(batch.packets(lane));
                    self.after_sending(id, outcome);
                }
                None => self.figures.dropped += batch.packets(lane).count() as u64,
            }
        }
    }

    fn after_sending(&mut self, id: u32, outcome: io::Result<()>) {
        let Some(connection) = self.all.get_mut(&id) else { return };
        self.figures += connection.take_figures();
        let is_full = connection.is_full();
        let mut is_lost = outcome.is_err();
        if connection.awaits_room != is_full {
            connection.awaits_room = is_full;
            let flags = epoll::EventFlags::IN
                | if is_full { epoll::EventFlags::OUT } else { epoll::EventFlags::empty() };
            let number = epoll::EventData::new_u64(id.into());
            is_lost |= epoll::modify(&self.epoll, &connection.socket, number, flags).is_err();
        }
        if is_lost {
            self.lose(id);
        }
    }

    /// It ends when what was written for it has left.
    pub fn close(&mut self, id: TcpId) {
        self.closing.push(id);
    }

    /// A PeerConnection is no more: what was opened for it ends, and nothing is told to who comes next in its place.
    pub fn close_of(&mut self, gone: u32) {
        for (id, connection) in &mut self.all {
            if connection.seat.take_if(|seat| *seat == gone).is_some() {
                self.closing.push(TcpId(*id));
            }
        }
        self.news.retain(|news| !matches!(news, News::Opened { seat, .. } if *seat == gone));
        for news in &mut self.news {
            if let News::Lost { seat, .. } = news {
                seat.take_if(|seat| *seat == gone);
            }
        }
    }

    /// After [`TcpConnections::send`].
    pub fn end_closed(&mut self) {
        for TcpId(id) in std::mem::take(&mut self.closing) {
            self.take_out(id);
        }
    }

    fn take_out(&mut self, id: u32) -> Option<TcpConnection> {
        let connection = self.all.remove(&id)?;
        if connection.stage != Stage::Known {
            self.young.retain(|young| young.id != id);
        }
        Some(connection)
    }

    fn lose(&mut self, id: u32) {
        if let Some(TcpConnection { path, seat, stage, .. }) = self.take_out(id)
            && (stage == Stage::Known || seat.is_some())
        {
            self.news.push_back(News::Lost { seat, path });
        }
    }

    pub fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn pause(&mut self, now: Instant) {
        self.paused = Some(now + PAUSE);
        self.listen(epoll::EventFlags::empty());
    }

    fn listen(&mut self, flags: epoll::EventFlags) {
        for (index, listener) in self.listeners.iter().enumerate() {
            let number = epoll::EventData::new_u64(LISTENERS + index as u64);
            let _ = epoll::modify(&self.epoll, &listener.socket, number, flags);
        }
    }

    /// When [`TcpConnections::run_timers`] has something to do.
    pub fn next_timeout(&self) -> Option<Instant> {
        let youth = self.young.front().map(|young| young.since + YOUTH);
        let news = self.news.front().map(|_| Instant::now());
        [youth, self.paused, news].into_iter().flatten().min()
    }

    pub fn run_timers(&mut self, now: Instant) {
        while let Some(young) = self.young.front()
            && now >= young.since + YOUTH
        {
            let id = young.id;
            self.lose(id);
        }
        if self.paused.is_some_and(|until| now >= until) {
            self.paused = None;
            self.listen(epoll::EventFlags::IN);
        }
    }
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, more: Figures) {
        self.sent += more.sent;
        self.dropped += more.dropped;
        self.calls += more.calls;
    }
}

/// The system has no descriptor, or no memory, for one more.
fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// A host has 2^64 IPv6 addresses.
fn source(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
    }
}
