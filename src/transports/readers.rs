//! The thread that reads all WebSockets: it sleeps in one `epoll_wait`, and gives each connection that has something a
//! turn. Where a request blocks in a plugin, another thread goes on with the others (`util::relief`).

use crate::util::lock::Lock;
use crate::util::relief::{self, Work};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is held back leaves after this time.
const HELD: Duration = Duration::from_millis(1);
/// Connections that are told of at once.
const EVENTS: usize = 64;
/// Of the bell; connections count from 1.
const BELL: u64 = 0;

/// A connection.
pub(super) trait Line: Send + Sync + 'static {
    /// Takes what there is, and returns early once [`relief::is_relieved`].
    fn turn(self: Arc<Self>) -> Turn;
    /// Sends what was held back.
    fn release(&self);
    /// No turns any more, and nothing of it is of use.
    fn end(&self);
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is no more, or it is over.
    Done,
    /// There may be more.
    Again,
    /// There is no more, and something is held back.
    Held,
}

type Numbered = (u64, Arc<dyn Line>);

/// What waits for a turn. It is nobody's own, so that whoever relieves the reader goes on with it.
#[derive(Default)]
struct Desk {
    /// The first one has it.
    turns: VecDeque<Numbered>,
    /// What may have more, told of or not: it has its next turn behind those that have something by then.
    again: Vec<Numbered>,
    held: VecDeque<(Instant, Arc<dyn Line>)>,
}

struct Room {
    epoll: OwnedFd,
    bell: OwnedFd,
    ending: AtomicBool,
    lines: Lock<HashMap<u64, Arc<dyn Line>>>,
    desk: Lock<Desk>,
}

/// The reader ends when this is dropped.
#[derive(Default)]
pub(super) struct Readers(Lock<Option<Place>>);

/// Where connections are read.
#[derive(Clone)]
pub(super) struct Place(Arc<Room>);

impl Readers {
    /// Starts the reader if there is none.
    pub fn place(&self) -> io::Result<Place> {
        let mut place = self.0.lock();
        if let Some(place) = &*place {
            return Ok(place.clone());
        }
        let room = Arc::new(Room {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            ending: false.into(),
            lines: Lock::default(),
            desk: Lock::default(),
        });
        epoll::add(&room.epoll, &room.bell, EventData::new_u64(BELL), EventFlags::IN)?;
        // Nobody is given a place where nobody reads.
        relief::start("janus sockets", room.clone())?;
        Ok(place.insert(Place(room)).clone())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        if let Some(Place(room)) = &*self.0.lock() {
            room.ending.store(true, Ordering::SeqCst);
            let _ = rustix::io::write(&room.bell, &1u64.to_ne_bytes());
        }
    }
}

fn interest(room_to_write: bool) -> EventFlags {
    if room_to_write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
}

impl Place {
    /// From now on it has turns, beginning with one for what it has read already: it [watches](Place::watch) for room to
    /// write.
    pub fn enter(&self, number: u64, socket: impl AsFd, line: Arc<dyn Line>) -> io::Result<()> {
        let Place(room) = self;
        room.lines.lock().insert(number, line);
        Ok(epoll::add(&room.epoll, socket, EventData::new_u64(number), interest(true))?)
    }

    /// Whether it has a turn when there is room to write, too.
    pub fn watch(&self, number: u64, socket: impl AsFd, room_to_write: bool) {
        let _ = epoll::modify(&self.0.epoll, socket, EventData::new_u64(number), interest(room_to_write));
    }

    /// No turns any more, even if there is something.
    pub fn mute(&self, socket: impl AsFd) {
        let _ = epoll::delete(&self.0.epoll, socket);
    }

    pub fn leave(&self, number: u64) {
        let line = self.0.lines.lock().remove(&number);
        drop(line);
    }
}

impl Room {
    /// Sends what has been held back for long enough; how long the next has.
    fn release(&self) -> Option<Duration> {
        let mut now = None;
        loop {
            let mut desk = self.desk.lock();
            let (due, _) = desk.held.front()?;
            let left = due.saturating_duration_since(*now.get_or_insert_with(Instant::now));
            if !left.is_zero() {
                return Some(left);
            }
            let line = desk.held.pop_front();
            drop(desk);
            line.into_iter().for_each(|(_, line)| line.release());
        }
    }

    /// Waits for connections that have something. False: it is to end.
    fn wait(&self, events: &mut Vec<epoll::Event>) -> bool {
        let left = self.release();
        let is_awaited = self.desk.lock().again.is_empty();
        let limit = if is_awaited { left } else { Some(Duration::ZERO) };
        let limit = limit.and_then(|left| Timespec::try_from(left).ok());
        events.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), limit.as_ref()) {
            Err(rustix::io::Errno::INTR) | Ok(_) => {}
            Err(error) => {
                tracing::error!("WebSockets cannot be waited for: {error}");
                return false;
            }
        }
        let numbers = || events.iter().map(|event| event.data.u64());
        let lines = self.lines.lock();
        let ready = numbers().filter_map(|number| Some((number, lines.get(&number)?.clone())));
        let mut desk = self.desk.lock();
        let again = std::mem::take(&mut desk.again);
        let others = again.into_iter().filter(|(number, _)| numbers().all(|ready| ready != *number));
        desk.turns.extend(ready.chain(others));
        !self.ending.load(Ordering::SeqCst)
    }
}

impl Work for Room {
    fn go_on(&self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let next = self.desk.lock().turns.front().cloned();
            let Some((number, line)) = next else {
                if self.wait(&mut events) {
                    continue;
                }
                return;
            };
            // What goes wrong with one connection ends that one.
            let turn = catch_unwind(AssertUnwindSafe(|| line.clone().turn())).unwrap_or_else(|_| {
                tracing::error!("A WebSocket panicked");
                line.end();
                Turn::Done
            });
            if relief::is_relieved() {
                return;
            }
            let mut desk = self.desk.lock();
            desk.turns.pop_front();
            match turn {
                Turn::Done => {}
                Turn::Again => desk.again.push((number, line)),
                Turn::Held => desk.held.push_back((Instant::now() + HELD, line)),
            }
        }
    }
}

#[cfg(test)]
#[path = "readers_tests.rs"]
mod tests;
