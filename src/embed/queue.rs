//! A queue of events: any thread puts in, one thread of the program takes out, and a descriptor is readable while
//! something waits. What a program reads is rendered when it takes it, on its own thread.

use super::error::{Error, Result};
use super::types::janus_rs_code::*;
use super::types::janus_rs_event_type::{self as Type, JANUS_RS_EVENT_LOST};
use super::types::{janus_rs_event, janus_rs_handlers};
use crate::json::{Json, dump};
use crate::util::event;
use crate::util::lock::Lock;
use crate::util::time;
use bytes::Bytes;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes that may wait, unless the program says otherwise.
pub const LIMIT: usize = 16 << 20;

/// What an event is about. Members that do not apply are 0.
#[derive(Debug)]
pub struct Event {
    pub kind: Type,
    pub code: i32,
    pub client: u64,
    pub tag: u64,
    pub session: u64,
    pub handle: u64,
    pub peer: u64,
    pub channel: u64,
    pub mindex: i32,
    pub flags: u32,
    pub number: i64,
    pub user: User,
    pub body: Body,
    /// Monotonic µs.
    pub time: i64,
}

/// What an event says.
#[derive(Debug, Default)]
pub enum Body {
    #[default]
    Nothing,
    /// Rendered when it is taken.
    Json(Json),
    Text(Cow<'static, str>),
    /// A text, and another one as data.
    Texts(String, String),
    Data(Bytes),
}

impl Body {
    fn weight(&self) -> usize {
        match self {
            Body::Nothing | Body::Text(Cow::Borrowed(_)) => 0,
            Body::Json(json) => json.weight(LIMIT),
            Body::Text(Cow::Owned(text)) => text.len(),
            Body::Texts(text, data) => text.len() + data.len(),
            Body::Data(data) => data.len(),
        }
    }

    /// Its bytes, each part followed by a NUL; the length of the first part, and where the second one begins, if there is one.
    fn render(self) -> (Vec<u8>, usize, usize) {
        let (mut bytes, second) = match self {
            Body::Nothing => (Vec::new(), None),
            Body::Json(json) => {
                let text = json.dump(dump::PRESERVE_ORDER | dump::COMPACT);
                (text.unwrap_or_default().into_bytes(), None)
            }
            Body::Text(text) => (text.into_owned().into_bytes(), None),
            Body::Texts(text, data) => (text.into_bytes(), Some(data)),
            Body::Data(data) => {
                let mut bytes = Vec::with_capacity(data.len() + 1);
                bytes.extend_from_slice(&data);
                (bytes, None)
            }
        };
        let length = bytes.len();
        bytes.push(0);
        let Some(second) = second else { return (bytes, length, 0) };
        let begin = bytes.len();
        bytes.extend(second.bytes());
        bytes.push(0);
        (bytes, length, begin)
    }
}

/// A pointer of the program's, which is only handed back.
#[derive(Clone, Copy, Debug)]
pub struct User(pub *mut c_void);

// SAFETY: never dereferenced here.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl Event {
    pub fn new(kind: Type) -> Event {
        Event {
            kind,
            code: 0,
            client: 0,
            tag: 0,
            session: 0,
            handle: 0,
            peer: 0,
            channel: 0,
            mindex: 0,
            flags: 0,
            number: 0,
            user: User(ptr::null_mut()),
            body: Body::Nothing,
            time: time::monotonic(),
        }
    }

    fn weight(&self) -> usize {
        size_of::<Event>() + self.body.weight()
    }
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(Event, usize)>,
    bytes: usize,
    /// Dropped since the program was told.
    lost: i64,
    /// Somebody wants `next` to return.
    woken: bool,
    /// Nothing comes in any more.
    over: bool,
    /// And nobody waits.
    closed: bool,
    /// What wait for room.
    thirsty: Vec<Thirsty>,
}

/// Called once, on the thread that makes room; does not wait, and takes no events.
type Thirsty = Box<dyn FnOnce() + Send>;

impl Waiting {
    fn is_silent(&self) -> bool {
        self.events.is_empty() && self.lost == 0 && !self.woken && !self.closed
    }
}

pub struct Queue {
    waiting: Lock<Waiting>,
    bell: event::Event,
    limit: usize,
    handlers: Option<Handlers>,
    /// A thread is taking events.
    taken: AtomicBool,
    /// The text of the event that was taken last.
    lent: Lock<Vec<u8>>,
    lost_ever: AtomicU64,
}

/// For the handler of states.
const STATES: [Type; 4] = [
    Type::JANUS_RS_EVENT_STATE,
    Type::JANUS_RS_EVENT_CANDIDATE,
    Type::JANUS_RS_EVENT_PATH,
    Type::JANUS_RS_EVENT_CLOSED,
];

/// For the handler of channels.
const CHANNELS: [Type; 4] = [
    Type::JANUS_RS_EVENT_CHANNEL,
    Type::JANUS_RS_EVENT_CHANNEL_OPEN,
    Type::JANUS_RS_EVENT_LOW,
    Type::JANUS_RS_EVENT_CHANNEL_CLOSED,
];

/// For the handler of media.
const MEDIA: [Type; 4] = [
    Type::JANUS_RS_EVENT_MEDIA,
    Type::JANUS_RS_EVENT_KEYFRAME,
    Type::JANUS_RS_EVENT_BITRATE,
    Type::JANUS_RS_EVENT_SLOW,
];

/// What janus_rs_dispatch calls.
pub struct Handlers {
    pub functions: janus_rs_handlers,
    pub user: User,
}

// SAFETY: functions of the program, which answers for the threads that it dispatches on.
unsafe impl Send for Handlers {}
// SAFETY: as above.
unsafe impl Sync for Handlers {}

impl Queue {
    pub fn new(limit: usize, handlers: Option<Handlers>) -> Result<Queue> {
        Ok(Queue {
            waiting: Lock::default(),
            bell: event::Event::new().map_err(|e| Error::new(JANUS_RS_ESYSTEM, format!("eventfd: {e}")))?,
            limit: if limit == 0 { LIMIT } else { limit },
            handlers,
            taken: false.into(),
            lent: Lock::default(),
            lost_ever: 0.into(),
        })
    }

    pub fn fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// After a fork: the descriptor keeps its number and is no longer the parent's as well.
    pub fn renew(&self) -> io::Result<()> {
        let waiting = self.waiting.lock();
        let fresh = event::Event::new()?;
        // SAFETY: both are open and ours.
        if unsafe { libc::dup3(fresh.as_raw_fd(), self.bell.as_raw_fd(), libc::O_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // Whoever was taking events stayed in the other process.
        self.taken.store(false, Ordering::Release);
        if !waiting.is_silent() {
            self.bell.ring();
        }
        Ok(())
    }

    /// Whether the program takes more than it leaves.
    pub fn has_room(&self) -> bool {
        self.waiting.lock().bytes < self.limit
    }

    /// Calls this as soon as half of the queue is free again: now, if it is.
    pub fn when_room(&self, call: impl FnOnce() + Send + 'static) {
        let mut waiting = self.waiting.lock();
        if waiting.closed || waiting.over {
            return;
        }
        if waiting.bytes > self.limit / 2 {
            waiting.thirsty.push(Box::new(call));
        } else {
            drop(waiting);
            call();
        }
    }

    pub fn len(&self) -> usize {
        self.waiting.lock().events.len()
    }

    pub fn lost_ever(&self) -> u64 {
        self.lost_ever.load(Ordering::Relaxed)
    }

    /// For what the program has asked for, and for ends: always fits.
    pub fn push(&self, event: Event) {
        self.put(event, true);
    }

    /// For what others cause: dropped and counted when the queue is full.
    pub fn offer(&self, event: Event) {
        self.put(event, false);
    }

    fn put(&self, event: Event, always: bool) {
        let weight = event.weight();
        self.change(|waiting| {
            if waiting.over || waiting.closed {
                return;
            }
            if !always && waiting.bytes.saturating_add(weight) > self.limit {
                waiting.lost += 1;
                self.lost_ever.fetch_add(1, Ordering::Relaxed);
                return;
            }
            waiting.bytes += weight;
            waiting.events.push_back((event, weight));
        });
    }

    /// Makes a waiting `next` return.
    pub fn wake(&self) {
        self.change(|waiting| waiting.woken = true);
    }

    /// The last event: nothing follows it.
    pub fn finish(&self, event: Event) {
        self.push(event);
        self.change(|waiting| waiting.over = true);
    }

    /// What waits can still be taken; nobody waits for more.
    pub fn close(&self) {
        self.change(|waiting| waiting.closed = true);
        let forgotten = std::mem::take(&mut self.waiting.lock().thirsty);
        drop(forgotten);
    }

    /// Rings when there is something for the first time.
    fn change(&self, act: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock();
        let silent = waiting.is_silent();
        act(&mut waiting);
        if silent && !waiting.is_silent() {
            self.bell.ring();
        }
    }

    /// The next event that waits; `Err` when there is none, and whether there is any use in waiting.
    fn pop(&self) -> std::result::Result<Event, Empty> {
        let mut waiting = self.waiting.lock();
        let event = match waiting.events.pop_front() {
            Some((event, weight)) => {
                waiting.bytes -= weight;
                Ok(event)
            }
            None if waiting.lost > 0 => {
                let number = std::mem::take(&mut waiting.lost);
                Ok(Event { number, ..Event::new(JANUS_RS_EVENT_LOST) })
            }
            None if std::mem::take(&mut waiting.woken) => Err(Empty::Woken),
            None if waiting.closed => Err(Empty::Closed),
            None => Err(Empty::Now),
        };
        if waiting.is_silent() {
            // Under the lock of `waiting`, so that it cannot cross a ring.
            self.bell.silence();
        }
        let served =
            if waiting.bytes <= self.limit / 2 { std::mem::take(&mut waiting.thirsty) } else { Vec::new() };
        drop(waiting);
        served.into_iter().for_each(|call| call());
        event
    }

    /// Waits for readability; at most so many ms, −1: without limit.
    fn wait(&self, ms: i32) {
        let mut poll = libc::pollfd { fd: self.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one struct of ours.
        unsafe { libc::poll(&raw mut poll, 1, ms) };
    }

    /// Takes one event within `timeout_ms` (0: at once, −1: no limit) and gives it to `with`.
    pub fn next(&self, timeout_ms: i32, with: impl FnOnce(&janus_rs_event)) -> Result<bool> {
        let _taking = Taking::of(&self.taken)?;
        let end = (timeout_ms > 0).then(|| Instant::now() + Duration::from_millis(timeout_ms as u64));
        loop {
            match self.pop() {
                Ok(event) => {
                    self.lend(event, with);
                    return Ok(true);
                }
                Err(Empty::Woken | Empty::Closed) => return Ok(false),
                Err(Empty::Now) if timeout_ms == 0 => return Ok(false),
                Err(Empty::Now) => {}
            }
            let rest = match end {
                None => -1,
                Some(end) => {
                    let rest = end.saturating_duration_since(Instant::now());
                    if rest.is_zero() {
                        return Ok(false);
                    }
                    i32::try_from(rest.as_millis().max(1)).unwrap_or(i32::MAX)
                }
            };
            self.wait(rest);
        }
    }

    /// Calls the handlers of up to `most` events (0: of all that wait now); how many.
    pub fn dispatch(&self, most: usize) -> Result<usize> {
        let _taking = Taking::of(&self.taken)?;
        let handlers = self.handlers.as_ref().ok_or_else(|| Error::invalid("the queue has no handlers"))?;
        let most = if most == 0 { self.len() + 1 } else { most };
        let mut count = 0;
        while count < most {
            let Ok(event) = self.pop() else { break };
            count += 1;
            self.lend(event, |event| handlers.call(event));
            // Its instance was closed, in a handler perhaps.
            if self.waiting.lock().closed {
                break;
            }
        }
        Ok(count)
    }

    fn lend(&self, event: Event, with: impl FnOnce(&janus_rs_event)) {
        let (bytes, length, second) = event.body.render();
        let (text, data) = {
            let mut lent = self.lent.lock();
            *lent = bytes;
            (lent.as_ptr(), lent[second..].as_ptr())
        };
        with(&janus_rs_event {
            size: size_of::<janus_rs_event>(),
            r#type: event.kind as u32,
            flags: event.flags,
            code: event.code,
            mindex: event.mindex,
            client: event.client,
            tag: event.tag,
            session: event.session,
            handle: event.handle,
            peer: event.peer,
            channel: event.channel,
            number: event.number,
            time: event.time,
            text: text.cast(),
            data: data.cast(),
            length,
            user: event.user.0,
        });
    }
}

enum Empty {
    Now,
    Woken,
    Closed,
}

/// One thread at a time takes events of a queue: the text of the last one is the queue's.
struct Taking<'a>(&'a AtomicBool);

impl Taking<'_> {
    fn of(taken: &AtomicBool) -> Result<Taking<'_>> {
        if taken.swap(true, Ordering::Acquire) {
            return Err(Error::new(JANUS_RS_EBUSY, "another thread is taking events of this queue"));
        }
        Ok(Taking(taken))
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Handlers {
    fn call(&self, event: &janus_rs_event) {
        let is = |kinds: &[Type]| kinds.iter().any(|kind| *kind as u32 == event.r#type);
        let functions = &self.functions;
        let own = if is(&[Type::JANUS_RS_EVENT_REPLY]) {
            functions.reply
        } else if is(&[Type::JANUS_RS_EVENT_JANUS]) {
            functions.janus
        } else if is(&[Type::JANUS_RS_EVENT_MESSAGE]) {
            functions.message
        } else if is(&STATES) {
            functions.state
        } else if is(&CHANNELS) {
            functions.channel
        } else if is(&MEDIA) {
            functions.media
        } else if is(&[Type::JANUS_RS_EVENT_RTP, Type::JANUS_RS_EVENT_RTCP]) {
            functions.rtp
        } else {
            None
        };
        if let Some(function) = own.or(self.functions.other) {
            // SAFETY: a function of the program, with its own pointer and an event that lives as long as the call.
            unsafe { function(self.user.0, event) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Type::*;
    use super::*;

    fn readable(queue: &Queue) -> bool {
        let mut poll = libc::pollfd { fd: queue.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one struct of ours.
        unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
    }

    fn tagged(tag: u64) -> Event {
        Event {
            tag,
            body: Body::Json(Json::object().with("n", tag as i64)),
            ..Event::new(JANUS_RS_EVENT_REPLY)
        }
    }

    fn take(queue: &Queue) -> Option<(u32, u64, i64)> {
        let mut seen = None;
        queue.next(0, |event| seen = Some((event.r#type, event.tag, event.number))).unwrap();
        seen
    }

    #[test]
    fn the_descriptor_is_readable_exactly_while_something_waits() {
        let queue = Queue::new(0, None).unwrap();
        assert!(!readable(&queue));
        (1..=3).for_each(|tag| queue.push(tagged(tag)));
        for tag in 1..=3 {
            assert!(readable(&queue));
            assert_eq!(take(&queue), Some((1, tag, 0)));
        }
        assert!(!readable(&queue) && take(&queue).is_none());
        queue.wake();
        assert!(readable(&queue) && take(&queue).is_none() && !readable(&queue));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_replies_fit() {
        let queue = Queue::new(2000, None).unwrap();
        (0..100).for_each(|_| queue.offer(Event { kind: JANUS_RS_EVENT_JANUS, ..tagged(0) }));
        queue.push(tagged(7));
        let seen: Vec<_> = std::iter::from_fn(|| take(&queue)).collect();
        let kept = seen.len() - 2;
        assert!((1..20).contains(&kept), "{seen:?}");
        assert_eq!(seen[kept], (JANUS_RS_EVENT_REPLY as u32, 7, 0));
        assert_eq!(seen[kept + 1], (JANUS_RS_EVENT_LOST as u32, 0, 100 - kept as i64));
    }

    #[test]
    fn many_threads_put_in_and_nothing_is_lost_or_overlooked() {
        const EACH: u64 = 2000;
        let queue = Queue::new(usize::MAX, None).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let queue = &queue;
                scope.spawn(move || (0..EACH).for_each(|n| queue.push(tagged(thread * EACH + n))));
            }
            let mut last = [None; 4];
            for _ in 0..4 * EACH {
                let mut tag = None;
                assert!(queue.next(-1, |event| tag = Some(event.tag)).unwrap());
                let tag = tag.unwrap();
                let of_thread = &mut last[(tag / EACH) as usize];
                assert!(of_thread.is_none_or(|before| before < tag));
                *of_thread = Some(tag);
            }
        });
        assert!(!readable(&queue));
    }

    #[test]
    fn nobody_waits_for_a_closed_queue() {
        let queue = Queue::new(0, None).unwrap();
        queue.push(tagged(1));
        queue.close();
        queue.push(tagged(2));
        assert_eq!(take(&queue), Some((1, 1, 0)));
        assert!(!queue.next(-1, |_| panic!("nothing is left")).unwrap());
    }
}
