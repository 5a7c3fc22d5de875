//! The address that a STUN server sees us at (RFC 8489 §5), asked once per worker socket and kept alive, because all
//! PeerConnections of a worker share it.

use super::stun::{self, TransactionId};
use crate::util::random;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Before a NAT forgets the mapping (RFC 8445 §11).
const REFRESH: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_millis(500);
/// Requests without an answer before we wait for the next refresh.
const TRIES: u32 = 7;

pub struct Reflexive {
    pub server: SocketAddr,
    transaction: TransactionId,
    tries: u32,
    due: Instant,
}

impl Reflexive {
    pub fn new(server: SocketAddr, now: Instant) -> Reflexive {
        Reflexive { server, transaction: [0; 12], tries: 0, due: now }
    }

    /// When [`Reflexive::poll`] has a request again.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// A request to send, if it is time.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.due {
            return None;
        }
        if self.tries == 0 {
            random::fill(&mut self.transaction);
        }
        self.tries += 1;
        self.due = now + RETRY;
        if self.tries == TRIES {
            tracing::warn!("the STUN server {} does not answer", self.server);
            self.tries = 0;
            self.due = now + REFRESH;
        }
        Some(stun::binding_request(&self.transaction))
    }

    /// Our address as the server sees it; `None` when this is not the answer.
    pub fn handle(&mut self, from: SocketAddr, message: &[u8], now: Instant) -> Option<SocketAddr> {
        let expected = Some(stun::Owner::Transaction(self.transaction));
        if from != self.server || self.tries == 0 || stun::owner(message) != expected {
            return None;
        }
        let mapped = stun::mapped_address(message)?;
        self.tries = 0;
        self.due = now + REFRESH;
        Some(mapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_until_answered_and_again_to_keep_the_mapping() {
        let (server, now) = (SocketAddr::from(([192, 0, 2, 1], 3478)), Instant::now());
        let mut reflexive = Reflexive::new(server, now);
        let request = reflexive.poll(now).unwrap();
        assert_eq!(reflexive.poll(now), None);
        assert_eq!(reflexive.poll(now + RETRY), Some(request.clone()));
        // 198.51.100.7:40000 as XOR-MAPPED-ADDRESS.
        let mut answer = request.clone();
        answer[0] = 1;
        answer[3] = 12;
        let port = (40000_u16 ^ 0x2112).to_be_bytes();
        answer.extend([0, 0x20, 0, 8, 0, 1, port[0], port[1]]);
        answer.extend([198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 7 ^ 0x42]);
        let stranger = SocketAddr::from(([192, 0, 2, 2], 3478));
        assert_eq!(reflexive.handle(stranger, &answer, now), None);
        let mut other = answer.clone();
        other[8] ^= 1;
        assert_eq!(reflexive.handle(server, &other, now), None);
        assert_eq!(
            reflexive.handle(server, &answer, now),
            Some(SocketAddr::from(([198, 51, 100, 7], 40000)))
        );
        assert_eq!(reflexive.handle(server, &answer, now), None);
        assert_eq!(reflexive.due(), now + REFRESH);
        assert_ne!(reflexive.poll(now + REFRESH), Some(request));
    }
}
