//! What the control plane counts besides its queues: requests, and how PeerConnections begin and end.
#![forbid(unsafe_code)]

use crate::media::HangupReason;
use crate::metrics::{Histogram, Reading};
use crate::util::lock::Lock;
use std::collections::BTreeMap;
use std::time::Duration;

/// ms.
const REQUEST: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 500, 2500, 10_000];
const JOIN: [u64; 12] = [25, 50, 100, 200, 300, 500, 750, 1000, 2000, 5000, 10_000, 20_000];

/// One name of one API.
pub type Asked = (&'static str, &'static str);

#[derive(Default)]
pub struct Measures {
    requests: Lock<Requests>,
    calls: Lock<Calls>,
}

#[derive(Default)]
struct Requests {
    /// By code; 0: no error.
    answers: BTreeMap<(Asked, i64), u64>,
    times: BTreeMap<Asked, Histogram>,
}

struct Calls {
    joins: Histogram,
    ended: BTreeMap<&'static str, u64>,
}

impl Default for Calls {
    fn default() -> Calls {
        Calls { joins: Histogram::new(&JOIN), ended: BTreeMap::new() }
    }
}

impl Measures {
    /// A request was answered. `name` is one of a known set: whoever invents names fills no memory.
    pub fn answered(&self, asked: Asked, code: i64, took: Duration) {
        let mut requests = self.requests.lock();
        *requests.answers.entry((asked, code)).or_default() += 1;
        let histogram = requests.times.entry(asked).or_insert_with(|| Histogram::new(&REQUEST));
        histogram.note(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), 1);
    }

    /// Media may flow, so long after the PeerConnection was made.
    pub fn joined(&self, ms: u64) {
        self.calls.lock().joins.note(ms, 1);
    }

    pub fn ended(&self, reason: HangupReason) {
        *self.calls.lock().ended.entry(reason.text()).or_default() += 1;
    }

    pub fn answers(&self) -> Vec<((Asked, i64), u64)> {
        self.requests.lock().answers.iter().map(|(key, count)| (*key, *count)).collect()
    }

    /// ms.
    pub fn times(&self) -> Vec<(Asked, Reading)> {
        self.requests.lock().times.iter().map(|(asked, histogram)| (*asked, histogram.read())).collect()
    }

    /// ms.
    pub fn joins(&self) -> Reading {
        self.calls.lock().joins.read()
    }

    pub fn ends(&self) -> Vec<(&'static str, u64)> {
        self.calls.lock().ended.iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}
