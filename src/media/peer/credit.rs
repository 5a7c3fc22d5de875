//! What is sent to a path before anybody has proven to be there.
//!
//! A full agent's path is proven by the answer to its check. A lite agent has only the peer's word for the first one: until
//! DTLS came through it gets three times what came from there and no more (RFC 9000 §8.1 has the same rule for QUIC), so
//! that a forged source cannot make us an amplifier. It gets it where the handshake comes from: a nomination that somebody
//! has sent again moves the path, but takes no answer away.

use super::{Clock, Connection, Path};
use std::net::SocketAddr;

const FACTOR: usize = 3;
/// Of a record of DTLS; and where its message begins, with the type.
const HANDSHAKE: u8 = 22;
const MESSAGE: usize = 13;
/// Datagrams that wait for credit: two flights.
const MAX_WAITING: usize = 16;
/// Addresses that are counted at a time.
const MAX_ACCOUNTS: usize = 8;

#[derive(Default)]
pub(super) struct Credit {
    /// What may still be sent where.
    accounts: Vec<(SocketAddr, usize)>,
    waiting: Vec<Vec<u8>>,
    /// Where DTLS came from last.
    asked: Option<SocketAddr>,
}

impl Credit {
    /// So many bytes came from there.
    fn earn(&mut self, from: SocketAddr, bytes: usize) {
        let earned = FACTOR * bytes;
        match self.accounts.iter_mut().find(|(at, _)| *at == from) {
            Some((_, left)) => *left = left.saturating_add(earned),
            None => {
                if self.accounts.len() == MAX_ACCOUNTS {
                    self.accounts.remove(0);
                }
                self.accounts.push((from, earned));
            }
        }
    }

    /// A datagram to send as soon as there is credit; the oldest of too many is lost, as in any network. What begins a flight
    /// takes the place of those that still wait: they are the same once more, or of a handshake that is given up.
    pub fn keep(&mut self, datagram: Vec<u8>) {
        if begins_flight(&datagram) {
            self.waiting.clear();
        }
        if self.waiting.len() == MAX_WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push(datagram);
    }

    /// The next one that there is credit for, and its way; `path` is the selected one.
    pub fn next(&mut self, path: Path) -> Option<(Path, Vec<u8>)> {
        let remote =
            self.asked.filter(|asked| asked.is_ipv4() == path.local.is_ipv4()).unwrap_or(path.remote);
        let (_, left) = self.accounts.iter_mut().find(|(at, _)| *at == remote)?;
        *left = left.checked_sub(self.waiting.first()?.len())?;
        Some((Path { remote, ..path }, self.waiting.remove(0)))
    }
}

/// Whether a handshake message is in it that the flight of a server begins with: ServerHello, HelloVerifyRequest.
fn begins_flight(datagram: &[u8]) -> bool {
    matches!(datagram, [HANDSHAKE, _, _, 0, 0, ..]) && matches!(datagram.get(MESSAGE), Some(2 | 3))
}

impl Connection {
    pub(super) fn earn(&mut self, from: SocketAddr, bytes: usize) {
        if let Some(credit) = &mut self.credit {
            credit.earn(from, bytes);
        }
    }

    pub(super) fn asked_from(&mut self, from: SocketAddr) {
        if let Some(credit) = &mut self.credit {
            credit.asked = Some(from);
        }
    }

    /// Authentic media or DTLS came from there: who sent it has read what we sent.
    pub(super) fn heard(&mut self, clock: Clock, from: SocketAddr) {
        self.credit = None;
        self.ice.heard(from);
        self.take_ice_events(clock);
        self.listens = self.ice.awaits_media();
    }

    /// As [`Connection::heard`], for the DTLS datagram that is being worked on.
    pub(super) fn heard_dtls(&mut self, clock: Clock) {
        self.authentic = true;
        if let Some(from) = self.from {
            self.heard(clock, from);
        }
    }
}

#[cfg(test)]
#[path = "credit_tests.rs"]
mod tests;
