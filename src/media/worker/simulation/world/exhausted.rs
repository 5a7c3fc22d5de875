//! A client whose checks have all been lost, or their answers: its ICE has failed, and an application restarts it then.

use super::*;
use crate::media::ice::stun::{self, TransactionId};
use std::collections::HashSet;

/// A client that is not connected and sends nothing for so long has no checks left, ms.
const SILENCE: u64 = 4_000;

/// What became of a client's checks.
#[derive(Default)]
pub(super) struct Checks {
    arrived: HashSet<TransactionId>,
    answered: HashSet<TransactionId>,
    /// When it last sent anything, ms.
    sent: u64,
}

impl World {
    pub(super) fn note_sent(&mut self, client: usize) {
        self.checks[client].sent = self.now;
    }

    /// A datagram is at the server.
    pub(super) fn note_arrival(&mut self, datagram: &Datagram) {
        if datagram.from == self.clients[datagram.owner].outside
            && let Some(id) = stun::request_transaction(&datagram.bytes)
        {
            self.checks[datagram.owner].arrived.insert(id);
        }
    }

    /// A datagram leaves the server; an error is no answer.
    pub(super) fn note_answer(&mut self, client: usize, bytes: &[u8]) {
        if let Some(stun::Owner::Transaction(id)) = stun::owner(bytes).filter(|_| bytes.starts_with(&[1, 1]))
        {
            self.checks[client].answered.insert(id);
        }
    }

    /// Not for who was not answered: that would be a fault of the server's.
    pub(super) fn restart_the_exhausted(&mut self) {
        for index in 0..self.clients.len() {
            let (client, checks) = (&self.clients[index], &self.checks[index]);
            let is_silent = self.now > checks.sent + SILENCE && !self.waiting.contains(&index);
            if is_silent
                && !client.connected
                && client.closed.is_none()
                && checks.arrived.is_subset(&checks.answered)
            {
                self.note_sent(index);
                self.restart_ice(index);
            }
        }
    }
}
