//! Who may send to us through the relay, and on which channel: permissions and channels of one allocation.
//!
//! Both are asked for again when something is sent after most of their life has passed. So what nobody sends to ends by
//! itself, and no timer runs for a peer.

use super::frame::Frame;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Permissions last for 5 minutes (RFC 8656 §9), channels for 10 (§12); binding one renews the permission, too. This is
/// when they are asked for again.
const RENEWAL: Duration = Duration::from_secs(240);
const CHANNEL_LIFE: Duration = Duration::from_secs(600);
/// From the last request for a channel until its number may stand for another peer (§12: five minutes after its end).
const NUMBER_LIFE: Duration = Duration::from_secs(900);
/// A request that was not answered, or not as we wish: no other one before.
const AGAIN: Duration = Duration::from_secs(5);
/// RFC 8656 §12.
const FIRST_CHANNEL: u16 = 0x4000;
const CHANNELS: usize = 0x1000;
/// Peers without a channel that permissions are remembered for. Candidates are the clients' choice.
const MAX_PERMISSIONS: usize = 4096;

/// What has to be asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Permission(SocketAddr),
    Channel(u16, SocketAddr),
}

struct Permission {
    /// When it was last asked for.
    asked: Instant,
    granted: bool,
}

struct Channel {
    peer: SocketAddr,
    asked: Instant,
    /// The last success.
    bound: Option<Instant>,
}

#[derive(Default)]
pub struct Peers {
    permissions: HashMap<IpAddr, Permission>,
    /// By number, from [`FIRST_CHANNEL`].
    channels: Vec<Channel>,
    numbers: HashMap<SocketAddr, u16>,
}

impl Peers {
    /// Something is sent there: how, and what has to be asked for.
    pub fn reach(&mut self, now: Instant, peer: SocketAddr) -> (Frame, Option<Wish>) {
        if let Some(number) = self.numbers.get(&peer).copied()
            && let Some(channel) = self.channels.get_mut(index(number))
        {
            let age = now.saturating_duration_since(channel.asked);
            let since = channel.bound.map(|bound| now.saturating_duration_since(bound));
            let bound = since.is_some_and(|since| since < CHANNEL_LIFE);
            let due = if since.is_some_and(|since| since < RENEWAL) { RENEWAL } else { AGAIN };
            let wish = (age >= due).then(|| {
                channel.asked = now;
                Wish::Channel(number, peer)
            });
            if bound {
                return (Frame::Channel(number), wish);
            }
            return (Frame::Indication(peer), wish.or_else(|| self.permit(now, peer)));
        }
        (Frame::Indication(peer), self.permit(now, peer))
    }

    fn permit(&mut self, now: Instant, peer: SocketAddr) -> Option<Wish> {
        let age = |permission: &Permission| now.saturating_duration_since(permission.asked);
        if let Some(known) = self.permissions.get_mut(&peer.ip()) {
            let due = if known.granted { RENEWAL } else { AGAIN };
            if age(known) < due {
                return None;
            }
            known.asked = now;
            return Some(Wish::Permission(peer));
        }
        if self.permissions.len() >= MAX_PERMISSIONS {
            self.permissions.retain(|_, known| age(known) < RENEWAL);
            if self.permissions.len() >= MAX_PERMISSIONS {
                return None;
            }
        }
        self.permissions.insert(peer.ip(), Permission { asked: now, granted: false });
        Some(Wish::Permission(peer))
    }

    /// The server said yes, or no; `None`: nothing that is about this request.
    pub fn answered(&mut self, now: Instant, wish: Wish, granted: bool) {
        match wish {
            Wish::Permission(peer) => {
                if let Some(permission) = self.permissions.get_mut(&peer.ip()) {
                    permission.granted = granted;
                }
            }
            Wish::Channel(number, peer) => {
                let channel = self.channels.get_mut(index(number)).filter(|channel| channel.peer == peer);
                if let Some(channel) = channel.filter(|_| granted) {
                    channel.bound = Some(now);
                }
            }
        }
    }

    /// The peer is there, and what comes and goes is worth a channel. `None` when it has one, or there is none left.
    pub fn bind(&mut self, now: Instant, peer: SocketAddr) -> Option<Wish> {
        if self.numbers.contains_key(&peer) {
            return None;
        }
        let channel = Channel { peer, asked: now, bound: None };
        let free = |channel: &Channel| now.saturating_duration_since(channel.asked) >= NUMBER_LIFE;
        let at = if self.channels.len() < CHANNELS {
            self.channels.push(channel);
            self.channels.len() - 1
        } else {
            let at = self.channels.iter().position(free)?;
            let before = std::mem::replace(&mut self.channels[at], channel);
            self.numbers.remove(&before.peer);
            at
        };
        let number = FIRST_CHANNEL + at as u16;
        self.numbers.insert(peer, number);
        Some(Wish::Channel(number, peer))
    }

    pub fn has_channel(&self, peer: &SocketAddr) -> bool {
        self.numbers.contains_key(peer)
    }

    /// Who is on a channel. The server only sends on those that were bound.
    pub fn on_channel(&self, number: u16) -> Option<SocketAddr> {
        Some(self.channels.get(index(number))?.peer)
    }

    /// Channels that are bound, and permissions besides.
    pub fn count(&self) -> (usize, usize) {
        let bound = self.channels.iter().filter(|channel| channel.bound.is_some()).count();
        (bound, self.permissions.len())
    }
}

fn index(number: u16) -> usize {
    usize::from(number).wrapping_sub(FIRST_CHANNEL.into())
}
