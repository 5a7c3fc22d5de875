//! A peer that opens another transport in a running call: new sockets and a new DTLS association, under the ICE credentials that
//! it has. Browsers do so when the m-line ends whose transport the others share (RFC 9143 §7.2.1), and their offers do not say it.

use super::{Clock, Connection, DTLS_LIMIT, Stage};
use crate::media::batch::Batch;
use crate::media::ice::{Origin, Path};
use crate::media::types::HangupReason;
use std::time::{Duration, Instant};

/// Browsers that send media or feedback do so several times a second.
const SILENCE: Duration = Duration::from_secs(2);

/// What the peer may be about to do.
pub(super) struct Move {
    /// Where the transport was.
    from: Option<Path>,
    /// Afterwards the end of DTLS is the end of the call, as ever.
    until: Instant,
    /// Since when packets go elsewhere, and nothing authentic has come from there.
    silent: Option<Instant>,
}

impl Connection {
    pub(super) fn expect_move(&mut self, clock: Clock) {
        if self.stage == Stage::Ready && self.srtp.is_some() {
            let until = clock.instant + DTLS_LIMIT;
            self.moves = Some(Box::new(Move { from: self.path, until, silent: None }));
            if let Some(sctp) = &mut self.sctp {
                sctp.expect_move();
            }
        }
    }

    /// Another path was selected. A peer that has only moved goes on there with the keys that it has.
    pub(super) fn note_path(&mut self, clock: Clock) {
        let path = self.path;
        if let Some(moves) =
            self.moves.as_mut().filter(|moves| self.stage == Stage::Ready && moves.from != path)
        {
            moves.silent = Some(clock.instant);
            self.listens = true;
        }
    }

    /// Something authentic came from there.
    pub(super) fn note_authentic(&mut self, from: Origin) {
        if self.path.is_some_and(|path| path.origin() == from) {
            self.moves.take_if(|moves| moves.silent.is_some());
        }
    }

    /// Whether the next authentic packet is of interest.
    pub(super) fn listens(&self) -> bool {
        self.ice.awaits_media() || self.moves.as_ref().is_some_and(|moves| moves.silent.is_some())
    }

    /// The peer has closed DTLS. True: because it opens another transport, which gets a handshake of its own as soon as there is a
    /// path. What plugins know of stays: streams and channels, in the same SCTP association (Firefox) or in another one (Chromium).
    pub(super) fn moves_on(&mut self, clock: Clock) -> bool {
        let Some(Move { from, .. }) = self.moves.as_deref().filter(|moves| clock.instant < moves.until)
        else {
            return false;
        };
        if self.path == *from {
            self.path = None;
            self.ice.let_go();
        }
        tracing::info!(handle = self.id, "The peer opens another transport");
        self.dtls = None;
        self.hello = None;
        self.flights.clear();
        self.stage = Stage::New;
        true
    }

    /// When a move that has begun has to have come to a path; or when one is taken for begun, whose close alert was lost.
    pub(super) fn move_due(&self) -> Option<Instant> {
        let moves = self.moves.as_ref()?;
        match self.stage {
            Stage::New => Some(moves.until),
            Stage::Ready => moves.silent.map(|since| since + SILENCE),
            Stage::Handshake(_) | Stage::Closed => None,
        }
    }

    pub(super) fn check_move(&mut self, clock: Clock, out: &mut Batch) {
        if self.move_due().is_none_or(|due| due > clock.instant) {
            return;
        }
        if self.stage == Stage::New {
            self.hang_up(clock, HangupReason::DtlsAlert, out);
        } else if !self.moves_on(clock) {
            self.moves = None;
        }
    }
}
