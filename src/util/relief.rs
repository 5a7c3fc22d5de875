//! A thread that many wait for, and calls of it that may block: while one does, another thread goes on in its place
//! (decision 72).
//!
//! Who is at work has a [`Post`]. It notes there when it enters a call and when it leaves; a second thread, the watcher,
//! looks every [`PATIENCE`], and takes the post over where it finds the same call twice. The first thread finds that out
//! when its call returns, and ends. So a call costs two stores and no clock, and one that blocks delays nobody for longer than
//! two looks.

use super::thread::spawn_for_modules;
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// What the watcher sleeps between two looks.
const PATIENCE: Duration = Duration::from_millis(2);
/// After one call that blocked, so many are made elsewhere: whoever blocks once does it again.
const DISTRUST: u32 = 1024;
/// The word of a post that somebody else has taken over.
const GONE: u64 = u64::MAX;

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here::Relied) };
}

/// What may be done on this thread.
enum Here {
    /// Others wait for it, and nobody would go on in its place.
    Relied,
    /// It may block as long as it likes.
    Free,
    At(Arc<Post>),
}

/// What one thread is at: calls that it has entered and left, so that it is in one while this is odd; or [`GONE`].
pub struct Post {
    word: AtomicU64,
    /// The watcher sleeps until a call is entered.
    is_unwatched: AtomicBool,
    watcher: OnceLock<Thread>,
    crew: Arc<Crew>,
}

/// What the threads of one piece of work have in common.
#[derive(Default)]
struct Crew {
    /// Calls that have been taken over and have not returned.
    blocked: AtomicUsize,
    distrust: AtomicU32,
    ending: AtomicBool,
}

/// What the thread at the post does.
pub trait Work: Send + Sync + 'static {
    /// Goes on until it is to end, or [`is_relieved`]; the thread makes [calls](call) in it.
    fn go_on(&self);
}

/// Starts a thread for `work`, and one that watches it; they end when [`Work::go_on`] does.
pub fn start(name: &'static str, work: Arc<dyn Work>) -> io::Result<()> {
    spawn_for_modules(name, move || lead(name, &work, &Arc::default())).map(drop)
}

fn lead(name: &'static str, work: &Arc<dyn Work>, crew: &Arc<Crew>) {
    let post = Arc::new(Post {
        word: 0.into(),
        is_unwatched: false.into(),
        watcher: OnceLock::new(),
        crew: crew.clone(),
    });
    let (watched, next) = (post.clone(), work.clone());
    // Without a watcher nothing that may block is done at this post.
    if let Err(error) = spawn_for_modules(name, move || watched.watch(name, &next)) {
        tracing::error!("Cannot start a thread that watches {name}: {error}");
    }
    HERE.set(Here::At(post.clone()));
    if catch_unwind(AssertUnwindSafe(|| work.go_on())).is_err() {
        tracing::error!("{name} panicked");
    }
    HERE.set(Here::Relied);
    if !post.is_gone() {
        crew.ending.store(true, SeqCst);
        if let Some(watcher) = post.watcher.get() {
            watcher.unpark();
        }
    }
}

impl Post {
    fn is_gone(&self) -> bool {
        self.word.load(SeqCst) == GONE
    }

    fn enter(&self) {
        self.word.fetch_add(1, SeqCst);
        if self.is_unwatched.load(SeqCst)
            && self.is_unwatched.swap(false, SeqCst)
            && let Some(watcher) = self.watcher.get()
        {
            watcher.unpark();
        }
    }

    fn leave(&self) {
        let word = self.word.load(SeqCst);
        if word == GONE || self.word.compare_exchange(word, word + 1, SeqCst, SeqCst).is_err() {
            self.crew.blocked.fetch_sub(1, SeqCst);
        }
    }

    /// Takes it over, if the call that was seen has not been left.
    fn take(&self, seen: u64) -> bool {
        self.crew.blocked.fetch_add(1, SeqCst);
        let taken = self.word.compare_exchange(seen, GONE, SeqCst, SeqCst).is_ok();
        match taken {
            true => self.crew.distrust.store(DISTRUST, SeqCst),
            false => drop(self.crew.blocked.fetch_sub(1, SeqCst)),
        }
        taken
    }

    /// Whether one more call may be made here.
    fn may_block(&self) -> bool {
        let Crew { blocked, distrust, .. } = &*self.crew;
        self.watcher.get().is_some()
            && blocked.load(SeqCst) == 0
            && distrust.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err()
    }

    /// The life of a watcher, which becomes that of who is at the post.
    fn watch(&self, name: &'static str, work: &Arc<dyn Work>) {
        let _ = self.watcher.set(thread::current());
        let ending = || self.crew.ending.load(SeqCst);
        let mut before = self.word.load(SeqCst);
        while !ending() {
            let until = Instant::now() + PATIENCE;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() || ending() {
                    break;
                }
                thread::park_timeout(left);
            }
            let now = self.word.load(SeqCst);
            if now == before && now % 2 == 1 {
                if self.take(now) {
                    return lead(name, work, &self.crew);
                }
            } else if now == before {
                self.is_unwatched.store(true, SeqCst);
                // Who enters a call looks at the one after having written the other, as is done here.
                if self.word.load(SeqCst) == now && !ending() {
                    thread::park();
                }
                self.is_unwatched.store(false, SeqCst);
            }
            before = self.word.load(SeqCst);
        }
    }
}

/// Says that nobody waits for this thread, whatever it does.
pub fn is_free() {
    HERE.set(Here::Free);
}

/// Whether something that may block can be done on this thread, inside [`call`] where it has a post.
pub fn may_block() -> bool {
    HERE.with_borrow(|here| match here {
        Here::Relied => false,
        Here::Free => true,
        // In a call as well: it may have been entered for what is short.
        Here::At(post) => post.is_gone() || post.may_block(),
    })
}

/// Somebody else goes on in place of this thread.
pub fn is_relieved() -> bool {
    HERE.with_borrow(|here| matches!(here, Here::At(post) if post.is_gone()))
}

/// Does what may block.
pub fn call<T>(act: impl FnOnce() -> T) -> T {
    struct Inside(Arc<Post>);
    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.leave();
        }
    }
    let post = HERE.with_borrow(|here| match here {
        // In a call already, or relieved in one.
        Here::At(post) if post.word.load(SeqCst) % 2 == 0 => Some(post.clone()),
        _ => None,
    });
    let _inside = post.map(|post| {
        post.enter();
        Inside(post)
    });
    act()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    type Step = Box<dyn FnOnce() + Send>;

    /// Does one step after the other, each as a call.
    struct Steps(Mutex<Receiver<Step>>);

    impl Work for Steps {
        fn go_on(&self) {
            while !is_relieved() {
                let next = self.0.lock().unwrap().recv();
                let Ok(step) = next else { return };
                call(step);
            }
        }
    }

    fn started() -> Sender<Step> {
        let (steps, next) = channel();
        start("test", Arc::new(Steps(Mutex::new(next)))).unwrap();
        steps
    }

    #[test]
    fn another_one_goes_on_while_a_call_blocks() {
        let steps = started();
        let (done, results) = channel();
        let mut gates = Vec::new();
        for round in 0..3 {
            let (open, gate) = channel::<()>();
            let first = done.clone();
            let blocks = move || {
                gate.recv().unwrap();
                first.send((round, is_relieved())).unwrap();
            };
            steps.send(Box::new(blocks)).unwrap();
            let second = done.clone();
            steps.send(Box::new(move || second.send((round, false)).unwrap())).unwrap();
            assert_eq!(results.recv(), Ok((round, false)));
            gates.push(open);
        }
        for (round, open) in gates.into_iter().enumerate() {
            open.send(()).unwrap();
            assert_eq!(results.recv(), Ok((round, true)));
        }
    }

    #[test]
    fn who_has_blocked_is_called_elsewhere_for_a_while() {
        let steps = started();
        let (done, results) = channel();
        let asks = || {
            let done = done.clone();
            // On a busy machine it may be relieved in this very call, and is free then.
            steps.send(Box::new(move || done.send(may_block() && !is_relieved()).unwrap())).unwrap();
            results.recv().unwrap()
        };
        // As soon as the watcher is there; on a machine that is busy a look may find the same call twice.
        while !asks() {}
        let (open, gate) = channel::<()>();
        steps.send(Box::new(move || gate.recv().unwrap())).unwrap();
        assert!(!asks());
        open.send(()).unwrap();
        // None of these is allowed before so many have been refused.
        let refused = (0..).take_while(|_| !asks()).count();
        assert!(refused as u32 >= DISTRUST - 1, "{refused}");
    }

    #[test]
    fn threads_without_a_post() {
        assert!(!may_block() && !is_relieved());
        assert_eq!(call(|| 1), 1);
        thread::spawn(|| {
            is_free();
            assert!(may_block() && !is_relieved());
        })
        .join()
        .unwrap();
    }
}
