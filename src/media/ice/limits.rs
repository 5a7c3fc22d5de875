//! How many, how often, and for how long: bounds of an agent.
#![forbid(unsafe_code)]

use std::time::Duration;

/// Addresses of one peer that are remembered at a time. Whose check comes from a further one, and is authentic, gets the
/// place of the oldest that is not sent to.
pub const MAX_REMOTE_ADDRESSES: usize = 64;
/// How many may come and go between two ICE restarts: a hostile peer could make us check as many as it can send from.
pub const MAX_ADDRESSES_EVER: usize = 1024;

/// RFC 8445 §6.1.2.5.
pub const MAX_PAIRS: usize = 100;
/// Candidates that the peer may tell between two ICE restarts; more could not be checked.
pub const MAX_REMOTE_CANDIDATES: usize = MAX_PAIRS;

/// Least time between two checks (RFC 8445 §14.2), and after one that has its answer already: the second check of a pair
/// nominates it, and a handshake waits for that.
pub const PACE: Duration = Duration::from_millis(50);
pub const LEAST_PACE: Duration = Duration::from_millis(5);
/// Checks of a pair that are sent without ever an answer (RFC 8489 §6.2.1); each authentic request from there allows
/// one more.
pub const MAX_CHECKS: usize = 7;
/// Longest time between two checks of a pair, while no path is known and afterwards. A pair is given up after
/// [`MAX_CHECKS`] without an answer, 250 ms, 500 ms, 1 s and then this long apart: "failed" comes 7.75 s after the start,
/// about when the reference tells it. A path that worked is checked less often, and waited for longer.
pub const CONNECTING_INTERVAL: Duration = Duration::from_millis(1500);
pub const CONNECTED_INTERVAL: Duration = Duration::from_secs(3);
/// How old the last answer from an address may be when the path moves there: it is asked every [`CONNECTED_INTERVAL`].
pub const FRESH: Duration = Duration::from_secs(4);
/// The path has not answered, or asked, for so long, three checks and more: where the peer's own checks come from takes its
/// place. Browsers ask at least every six seconds (RFC 7675 §5.1).
pub const SILENT: Duration = Duration::from_secs(10);

/// Transactions of the peer that are remembered, so that a request of a remembered one that comes from elsewhere is known
/// for a copy. A browser needs more than a minute for so many.
pub const MAX_TRANSACTIONS: usize = 32;
/// Checks of ours whose answers tell where they were sent: what [`PACE`] lets out in 1.6 s.
pub const MAX_ASKED: usize = 32;
/// Addresses of ours that a peer may tell us to be seen at: a NAT before us may show another one to each address of the
/// peer's; and a hostile peer can think of any number, each of which the crate remembers.
pub const MAX_MAPPED: usize = MAX_REMOTE_ADDRESSES;
/// Of a peer-reflexive candidate that comes back (RFC 8445 §5.1.2.2).
pub const REFLEXIVE_PRIORITY: u32 = 110 << 24 | 0xFFFF << 8 | 0xFF;

/// TCP connections of one peer at a time.
pub const MAX_CONNECTIONS: usize = 8;
/// Candidates of one peer that we open connections to: it could name any victim.
pub const MAX_CONNECTS: usize = 4;
