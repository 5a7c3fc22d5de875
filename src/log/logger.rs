//! The queue that every thread writes into, and the thread that empties it.

use super::line::Composed;
use super::outputs::Outputs;
use super::structured;
use super::subject::Subject;
use super::{Level, LogConfig, LogSink};
use crate::util::lock::Lock;
use crate::util::time;
use arc_swap::ArcSwapOption;
use crossbeam_queue::ArrayQueue;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// Lines that may wait. At debug level 7 under load that is a fraction of a second; who blocks the output longer
/// loses lines, which are counted, and never blocks a caller.
const WAITING: usize = 16 * 1024;

/// Lines between two flushes while more keep coming.
const BURST: usize = 256;

/// A formatted line and the wall-clock µs at which it was queued.
#[derive(Debug)]
pub(super) struct Line {
    pub timestamp: i64,
    /// For the logger modules, and for stdout and the file where there is no object.
    pub text: Vec<u8>,
    pub object: Option<Vec<u8>>,
}

type Sinks = Arc<[Arc<dyn LogSink>]>;

/// One log. The process has one ([`super::init`]); tests make their own.
pub struct Logger {
    /// The last line was an object.
    structured: AtomicBool,
    waiting: ArrayQueue<Line>,
    dropped: AtomicU64,
    /// Of which there was a line.
    lost: AtomicU64,
    stopping: AtomicBool,
    rotate: AtomicBool,
    sinks: Lock<Sinks>,
    /// Of the last start.
    config: Lock<Option<LogConfig>>,
    writer: ArcSwapOption<Thread>,
    handle: Lock<Option<JoinHandle<()>>>,
}

impl Default for Logger {
    fn default() -> Self {
        Self::with_capacity(WAITING)
    }
}

impl Logger {
    pub(super) fn with_capacity(lines: usize) -> Self {
        Logger {
            structured: AtomicBool::new(false),
            waiting: ArrayQueue::new(lines),
            dropped: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            rotate: AtomicBool::new(false),
            sinks: Lock::new(Arc::new([])),
            config: Lock::new(None),
            writer: ArcSwapOption::empty(),
            handle: Lock::new(None),
        }
    }

    /// Queues a line with its line end. Neither waits nor fails: what does not fit is counted, and what comes after
    /// [`Logger::stop`] is ignored.
    pub fn write(&self, line: Composed) {
        if self.stopping.load(Ordering::Relaxed) {
            return;
        }
        let (text, object) = line.into_parts();
        let line = Line { timestamp: time::real(), text, object };
        if self.waiting.push(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(writer) = &*self.writer.load() {
            writer.unpark();
        }
    }

    /// Adds a receiver of all lines written from now on, and of those that still wait.
    pub fn add_sink(&self, sink: Arc<dyn LogSink>) {
        let mut sinks = self.sinks.lock();
        *sinks = sinks.iter().cloned().chain([sink]).collect();
    }

    /// Takes one away again; it gets no line after this returns. Give up all other references to it before. Not from
    /// inside a sink.
    pub fn remove_sink(&self, sink: Arc<dyn LogSink>) {
        {
            let mut sinks = self.sinks.lock();
            *sinks = sinks.iter().filter(|s| !Arc::ptr_eq(s, &sink)).cloned().collect();
        }
        // The writer has its own list while it writes a burst.
        while Arc::strong_count(&sink) > 1 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// True when somebody besides stdout and the file receives lines.
    pub fn has_sinks(&self) -> bool {
        !self.sinks.lock().is_empty()
    }

    /// Opens the outputs and starts the thread. Does nothing while it runs; after [`Logger::stop`] it starts anew.
    pub fn start(self: &Arc<Self>, config: LogConfig) -> io::Result<()> {
        let mut handle = self.handle.lock();
        if handle.is_some() {
            return Ok(());
        }
        let outputs = Outputs::open(&config)?;
        self.stopping.store(false, Ordering::Release);
        let logger = self.clone();
        let thread = crate::util::thread::spawn("log", move || logger.run(outputs))?;
        *self.config.lock() = Some(config);
        self.writer.store(Some(Arc::new(thread.thread().clone())));
        // Lines written before are waiting.
        thread.thread().unpark();
        *handle = Some(thread);
        Ok(())
    }

    /// Lines that there was no room for, ever.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed) + self.dropped.load(Ordering::Relaxed)
    }

    /// What the log was started with; `None` before.
    pub fn config(&self) -> Option<LogConfig> {
        self.config.lock().clone()
    }

    /// Asks for the log file to be closed and opened again, after what waits now is written.
    pub fn rotate(&self) {
        self.rotate.store(true, Ordering::Release);
        self.wake();
    }

    /// Ends the log; returns when all waiting lines are out. If it never started, they go to stdout.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
        let handle = self.handle.lock().take();
        match handle {
            // A sink that ends the process: its own thread cannot wait for itself.
            Some(thread) if thread.thread().id() == thread::current().id() => {}
            Some(thread) => drop(thread.join()),
            None if self.config.lock().is_none() => {
                if let Ok(mut outputs) = Outputs::open(&LogConfig { stdout: true, file: None }) {
                    self.drain(&mut outputs);
                }
            }
            None => {}
        }
    }

    /// In a child of fork(): the thread, the receivers and what waits are the parent's. A new start begins anew.
    pub fn leave_to_parent(&self) {
        // A thread that is not there can be neither joined nor detached, nor give up its references.
        std::mem::forget(self.handle.lock().take());
        std::mem::forget(std::mem::replace(&mut *self.sinks.lock(), Arc::new([])));
        self.writer.store(None);
        while self.waiting.pop().is_some() {}
        *self.config.lock() = None;
        self.stopping.store(false, Ordering::Release);
    }

    fn run(&self, mut outputs: Outputs) {
        loop {
            // Read first: what was queued before either request is written before it is granted.
            let stopping = self.stopping.load(Ordering::Acquire);
            let rotate = self.rotate.swap(false, Ordering::AcqRel);
            self.drain(&mut outputs);
            if rotate && let Err(error) = outputs.reopen() {
                tracing::error!("Cannot open the log file again: {error}");
            }
            if stopping {
                return;
            }
            if self.waiting.is_empty() {
                thread::park();
            }
        }
    }

    /// Writes what waits, and flushes.
    fn drain(&self, outputs: &mut Outputs) {
        let sinks = self.sinks.lock().clone();
        let mut unflushed = 0;
        // Bounded, so that callers who never pause do not keep requests from being granted.
        for _ in 0..self.waiting.capacity() {
            let Some(line) = self.waiting.pop() else { break };
            self.structured.store(line.object.is_some(), Ordering::Relaxed);
            emit(outputs, &sinks, &line);
            unflushed += 1;
            if unflushed == BURST {
                outputs.flush();
                unflushed = 0;
            }
        }
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        self.lost.fetch_add(dropped, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!("{dropped} log lines were lost: the output is too slow");
            let object = || structured::compose(Level::Warn, None, &Subject::default(), &text);
            let object = self.structured.load(Ordering::Relaxed).then(object);
            let text = format!("[WARN] {text}\n").into_bytes();
            emit(outputs, &sinks, &Line { timestamp: time::real(), text, object });
        }
        outputs.flush();
    }
}

/// stdout, file, then every sink. A sink that panics must not end the log.
fn emit(outputs: &mut Outputs, sinks: &[Arc<dyn LogSink>], line: &Line) {
    outputs.write(line.object.as_ref().unwrap_or(&line.text));
    if !sinks.is_empty() {
        let text = String::from_utf8_lossy(&line.text);
        for sink in sinks {
            let _ = catch_unwind(AssertUnwindSafe(|| sink.incoming_logline(line.timestamp, &text)));
        }
    }
}
