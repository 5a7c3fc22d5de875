//! One PeerConnection of WHIP or WHEP, and the task that holds it: it takes what the client sends, one after the other, keeps
//! the session alive, and ends with the PeerConnection.

use super::caller::{Call, Failure, text};
use super::fragment::{Fragment, answer_to_restart, credentials, with_credentials};
use crate::json::Json;
use crate::util::random;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, interval, sleep_until};

/// Sessions end when nobody asks anything; their shortest sensible time is longer than this.
const ALIVE: Duration = Duration::from_secs(10);
/// How long a PeerConnection may take to come up.
const CONNECTING: Duration = Duration::from_secs(60);
/// Requests of one client that may wait.
const WAITING: usize = 64;

/// What a client wants of it.
pub(super) enum Wish {
    /// Candidates, or an ICE restart.
    Fragment {
        fragment: Fragment,
        etag: Option<String>,
        answer: oneshot::Sender<Patched>,
    },
    /// The answer to an offer of ours.
    Answer {
        sdp: String,
        answer: oneshot::Sender<Patched>,
    },
    End,
}

/// What became of a PATCH.
#[derive(Debug)]
pub(super) enum Patched {
    Done,
    /// The fragment that answers, and the new tag.
    Restarted {
        fragment: String,
        etag: String,
    },
    /// It is not what there is any more.
    Outdated,
    Failed(Failure),
}

/// How others reach it.
#[derive(Clone)]
pub(super) struct Resource {
    pub wishes: mpsc::Sender<Wish>,
    /// What the client has to show again.
    pub bearer: Option<String>,
}

/// What the task holds.
pub(super) struct Held {
    pub call: Call,
    pub events: mpsc::Receiver<Json>,
    /// The client's offer, when it made one.
    pub offer: Option<String>,
    pub etag: String,
    /// The body of the message that carries the client's next description.
    pub update: &'static str,
}

pub(super) fn new_tag() -> String {
    format!("\"{}\"", random::token(11))
}

impl Held {
    /// Until the PeerConnection, the session or the client ends it.
    pub async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        let mut alive = interval(ALIVE);
        let late = sleep_until(Instant::now() + CONNECTING);
        tokio::pin!(late);
        let mut is_up = false;
        loop {
            tokio::select! {
                wish = wishes.recv() => match wish {
                    None | Some(Wish::End) => return,
                    Some(Wish::Fragment { fragment, etag, answer }) => {
                        let _ = answer.send(self.patch(fragment, etag.as_deref()).await);
                    }
                    Some(Wish::Answer { sdp, answer }) => {
                        let _ = answer.send(self.answered(sdp).await);
                    }
                },
                event = self.events.recv() => {
                    let Some(event) = event else { return };
                    match text(&event, "janus").as_deref() {
                        Some("webrtcup") => is_up = true,
                        Some("hangup" | "detached" | "timeout") => return,
                        _ => {}
                    }
                }
                _ = alive.tick() => if self.call.ask_session("keepalive").await.is_err() { return },
                () = &mut late, if !is_up => return,
            }
        }
    }

    async fn patch(&mut self, fragment: Fragment, etag: Option<&str>) -> Patched {
        let is_restart = match (&fragment.ufrag, &fragment.pwd, self.offer.as_deref().and_then(credentials)) {
            (Some(ufrag), Some(pwd), Some(present)) => (ufrag.as_str(), pwd.as_str()) != present,
            _ => false,
        };
        if etag.is_some_and(|etag| etag != "*" && etag != self.etag) {
            return Patched::Outdated;
        }
        let restarted = match is_restart {
            true => match self.restart(&fragment).await {
                Ok(restarted) => Some(restarted),
                Err(why) => return Patched::Failed(why),
            },
            false => None,
        };
        if let Err(why) = self.trickle(&fragment).await {
            return Patched::Failed(why);
        }
        restarted.unwrap_or(Patched::Done)
    }

    /// RFC 9725 §4.3.3: the same description again, with other credentials.
    async fn restart(&mut self, fragment: &Fragment) -> Result<Patched, Failure> {
        let (Some(offer), Some(ufrag), Some(pwd)) = (&self.offer, &fragment.ufrag, &fragment.pwd) else {
            return Ok(Patched::Outdated);
        };
        let offer = with_credentials(offer, ufrag, pwd);
        let said = self.describe("offer", &offer).await?;
        let Some(answer) = said.get("jsep").and_then(|jsep| text(&jsep, "sdp")) else {
            return Err(Failure::Silence);
        };
        self.offer = Some(offer);
        self.etag = new_tag();
        Ok(Patched::Restarted { fragment: answer_to_restart(&answer), etag: self.etag.clone() })
    }

    async fn trickle(&self, fragment: &Fragment) -> Result<(), Failure> {
        for (mid, line) in &fragment.candidates {
            let candidate = Json::object().with("candidate", line);
            match mid {
                Some(mid) => candidate.set("sdpMid", mid),
                None => candidate.set("sdpMLineIndex", 0),
            };
            self.call.ask_with("trickle", "candidate", candidate).await?;
        }
        if fragment.is_end {
            let end = Json::object().with("completed", true);
            self.call.ask_with("trickle", "candidate", end).await?;
        }
        Ok(())
    }

    async fn answered(&mut self, sdp: String) -> Patched {
        match self.describe("answer", &sdp).await {
            Ok(_) => Patched::Done,
            Err(why) => Patched::Failed(why),
        }
    }

    async fn describe(&mut self, kind: &str, sdp: &str) -> Result<Json, Failure> {
        let body = Json::object().with("request", self.update);
        let jsep = Json::object().with("type", kind).with("sdp", sdp);
        self.call.message(&mut self.events, body, Some(jsep)).await
    }
}

impl Resource {
    pub fn new(bearer: Option<String>) -> (Resource, mpsc::Receiver<Wish>) {
        let (wishes, incoming) = mpsc::channel(WAITING);
        (Resource { wishes, bearer }, incoming)
    }
}
