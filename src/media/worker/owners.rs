//! Which PeerConnections packets from an address may belong to.
//!
//! Nearly always it is one, and one look-up finds it. It is several when a peer has several PeerConnections on one socket,
//! when a NAT hands an address on, and when somebody forges a source: everybody who knows a password of ours can send us
//! an authentic STUN request from any address. So a request makes its PeerConnection one of the address's owners, behind
//! the others, and takes nothing from anybody; only a packet that the owner's keys open brings it to the front.
#![forbid(unsafe_code)]

use super::keyed::Keyed;
use crate::media::ice::{Origin, Way};
use crate::util::random;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Owners of one address.
const MOST: usize = 8;
/// How many of them may be asked whether their keys open a datagram.
pub const TRIALS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Sole(u32),
    /// The first of several.
    Several(u32),
}

impl Found {
    pub fn first(self) -> u32 {
        match self {
            Found::Sole(first) | Found::Several(first) => first,
        }
    }
}

/// Seats that own an address, those first whose packets came last.
#[derive(Clone, Copy, Default)]
pub struct Several {
    seats: [u32; MOST],
    len: usize,
}

impl Several {
    pub fn seats(&self) -> &[u32] {
        &self.seats[..self.len]
    }
}

impl FromIterator<u32> for Several {
    /// The first ones, if there are too many.
    fn from_iter<T: IntoIterator<Item = u32>>(seats: T) -> Several {
        let mut several = Several::default();
        for (place, seat) in several.seats.iter_mut().zip(seats) {
            *place = seat;
            several.len += 1;
        }
        several
    }
}

struct Owner {
    seat: u32,
    /// Its media or DTLS came from there.
    has_shown: bool,
}

impl Owner {
    fn new(seat: u32) -> Owner {
        Owner { seat, has_shown: false }
    }
}

pub struct Owners {
    /// By UDP: asked for each packet.
    found: HashMap<SocketAddr, Found, Keyed>,
    /// By other ways.
    apart: HashMap<Origin, Found>,
    /// Of addresses with [`Found::Several`]: at least two.
    several: HashMap<Origin, Vec<Owner>>,
    /// Where the lots come from. Nobody outside can tell the next one.
    lots: u64,
}

impl Default for Owners {
    fn default() -> Owners {
        Owners {
            found: HashMap::with_hasher(Keyed::new()),
            apart: HashMap::new(),
            several: HashMap::new(),
            lots: random::u64_full(),
        }
    }
}

impl Owners {
    pub fn get(&self, origin: &Origin) -> Option<Found> {
        match origin.way {
            Way::Udp => self.found.get(&origin.at),
            Way::Tcp(_) | Way::Relay => self.apart.get(origin),
        }
        .copied()
    }

    fn set(&mut self, origin: Origin, found: Option<Found>) {
        match (origin.way, found) {
            (Way::Udp, Some(found)) => _ = self.found.insert(origin.at, found),
            (Way::Udp, None) => _ = self.found.remove(&origin.at),
            (_, Some(found)) => _ = self.apart.insert(origin, found),
            (_, None) => _ = self.apart.remove(&origin),
        }
    }

    pub fn several(&self, origin: &Origin) -> Several {
        self.several.get(origin).into_iter().flatten().map(|owner| owner.seat).collect()
    }

    /// Whoever it is.
    pub fn all(&self, origin: &Origin) -> Several {
        match self.get(origin) {
            None => Several::default(),
            Some(Found::Sole(seat)) => std::iter::once(seat).collect(),
            Some(Found::Several(_)) => self.several(origin),
        }
    }

    /// Whose keys are tried on a datagram, of all that may be its owners, the likeliest first: these, and where they are more
    /// than may be tried, one of the others by lot. So everybody's turn comes, whoever stands in front; and it takes one packet
    /// of theirs to be in front themselves.
    pub fn tried(&mut self, likely: Several) -> impl Iterator<Item = u32> + use<> {
        let mut seats = likely.seats;
        if likely.len > TRIALS {
            let others = likely.len - (TRIALS - 1);
            seats.swap(TRIALS - 1, TRIALS - 1 + draw(&mut self.lots, others));
        }
        seats.into_iter().take(likely.len.min(TRIALS))
    }

    /// An authentic STUN message for the seat came from there. Whether it has come to others.
    pub fn learn(&mut self, origin: Origin, seat: u32) -> bool {
        match self.get(&origin) {
            None => self.set(origin, Some(Found::Sole(seat))),
            Some(Found::Sole(first)) if first != seat => {
                self.set(origin, Some(Found::Several(first)));
                self.several.insert(origin, vec![Owner::new(first), Owner::new(seat)]);
                return true;
            }
            Some(Found::Sole(_)) => {}
            Some(Found::Several(_)) => {
                let owners = self.several.entry(origin).or_default();
                if !owners.iter().any(|owner| owner.seat == seat) {
                    if owners.len() == MOST {
                        let loser = loser(owners, &mut self.lots);
                        owners.remove(loser);
                    }
                    owners.push(Owner::new(seat));
                    return true;
                }
            }
        }
        false
    }

    /// Authentic media or DTLS of the seat came from there.
    pub fn prefer(&mut self, origin: Origin, seat: u32) {
        if let Some(owners) = self.several.get_mut(&origin)
            && let Some(at) = owners.iter().position(|owner| owner.seat == seat)
        {
            owners[at].has_shown = true;
            if at > 0 {
                owners[..=at].rotate_right(1);
                self.set(origin, Some(Found::Several(seat)));
            }
        }
    }

    pub fn forget(&mut self, origin: &Origin, seat: u32) {
        match self.get(origin) {
            Some(Found::Sole(first)) if first == seat => self.set(*origin, None),
            Some(Found::Several(_)) => {
                let Some(owners) = self.several.get_mut(origin) else { return };
                owners.retain(|owner| owner.seat != seat);
                let found = match owners.as_slice() {
                    [] => None,
                    [sole] => Some(Found::Sole(sole.seat)),
                    [first, ..] => Some(Found::Several(first.seat)),
                };
                if !matches!(found, Some(Found::Several(_))) {
                    self.several.remove(origin);
                }
                self.set(*origin, found);
            }
            _ => {}
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.found.len() + self.apart.len() + self.several.len()
    }
}

/// Who makes room for the next one: one of those that have shown nothing, by lot, so that whoever asks again and again gets
/// in, however many forge requests from there. Never the first one: it may have been alone until now, when nobody looked
/// what it shows.
fn loser(owners: &[Owner], lots: &mut u64) -> usize {
    let silent = (1..owners.len()).filter(|at| !owners[*at].has_shown);
    let drawn = draw(lots, silent.clone().count().max(1));
    silent.clone().nth(drawn).unwrap_or(owners.len() - 1)
}

/// One of so many. Knuth's MMIX; the upper bits are the random ones.
fn draw(lots: &mut u64, count: usize) -> usize {
    *lots = lots.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*lots >> 33) as usize % count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ice::TcpId;

    fn address() -> Origin {
        Origin::udp("192.0.2.1:5".parse().unwrap())
    }

    #[test]
    fn ways_to_one_address_have_their_own_owners() {
        let mut owners = Owners::default();
        let by_tcp = |id| Origin { way: Way::Tcp(TcpId(id)), ..address() };
        owners.learn(address(), 1);
        owners.learn(by_tcp(7), 2);
        owners.learn(by_tcp(8), 3);
        owners.learn(by_tcp(8), 4);
        assert_eq!(owners.get(&address()), Some(Found::Sole(1)));
        assert_eq!(owners.get(&by_tcp(7)), Some(Found::Sole(2)));
        assert_eq!(owners.several(&by_tcp(8)).seats(), [3, 4]);
        for (origin, seat) in [(address(), 1), (by_tcp(7), 2), (by_tcp(8), 3), (by_tcp(8), 4)] {
            owners.forget(&origin, seat);
        }
        assert_eq!(owners.len(), 0);
    }

    #[test]
    fn a_request_takes_nothing_and_a_packet_takes_the_lead() {
        let mut owners = Owners::default();
        owners.learn(address(), 7);
        owners.learn(address(), 7);
        assert_eq!(owners.get(&address()), Some(Found::Sole(7)));
        owners.learn(address(), 8);
        assert_eq!(owners.get(&address()), Some(Found::Several(7)));
        owners.prefer(address(), 8);
        assert_eq!(owners.several(&address()).seats(), [8, 7]);
        owners.learn(address(), 7);
        assert_eq!(owners.get(&address()), Some(Found::Several(8)));
        owners.forget(&address(), 8);
        assert_eq!(owners.get(&address()), Some(Found::Sole(7)));
        owners.forget(&address(), 8);
        owners.forget(&address(), 7);
        assert_eq!(owners.len(), 0);
    }

    #[test]
    fn everybodys_turn_comes_in_four_trials() {
        let mut owners = Owners::default();
        for count in 2..=MOST as u32 {
            let all: Vec<u32> = (0..count).collect();
            let mut tried = std::collections::BTreeSet::new();
            for _ in 0..500 {
                let now: Vec<u32> = owners.tried(all.iter().copied().collect()).collect();
                assert_eq!(now.len(), all.len().min(TRIALS));
                assert_eq!(now[..now.len().min(3)], all[..now.len().min(3)], "the likeliest ones first");
                tried.extend(now);
            }
            assert!(tried.into_iter().eq(0..count));
        }
    }

    #[test]
    fn requests_of_many_do_not_displace_who_sends_packets() {
        let mut owners = Owners::default();
        for seat in 0..1000 {
            owners.learn(address(), seat);
        }
        assert_eq!(owners.get(&address()), Some(Found::Several(0)), "the first stays");
        owners.learn(address(), 1000);
        owners.prefer(address(), 1000);
        owners.prefer(address(), 0);
        (1..1000).for_each(|seat| _ = owners.learn(address(), seat));
        assert_eq!(owners.several(&address()).seats()[..2], [0, 1000], "and who has shown something");
        (0..=1000).for_each(|seat| owners.forget(&address(), seat));
        assert_eq!(owners.len(), 0);
    }

    /// Each of eight forgers asks whenever the newcomer does.
    #[test]
    fn a_newcomer_gets_in_however_many_forge_requests() {
        let mut owners = Owners::default();
        let (victim, newcomer) = (0, 100);
        owners.learn(address(), victim);
        let round = |owners: &mut Owners| {
            owners.learn(address(), newcomer);
            (1..=8).for_each(|forger| _ = owners.learn(address(), forger));
            owners.several(&address()).seats().contains(&newcomer)
        };
        assert!((0..200).any(|_| round(&mut owners)));
        owners.prefer(address(), victim);
        owners.prefer(address(), newcomer);
        assert!((0..200).all(|_| round(&mut owners)));
        assert!(owners.several(&address()).seats().contains(&victim));
    }
}
