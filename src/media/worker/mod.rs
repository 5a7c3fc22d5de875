//! Worker threads: sockets, batches, timers, and every PeerConnection assigned to them.
//!
//! System calls, and with them `unsafe`, are in `udp`, `split`, `receive`, `send`, `wake`, `ring`, `memory` and `station`;
//! elsewhere in the media engine only in `dtls::ffi` (docs/decisions/003-dtls-ffi.md) and `media::prefetch`.

pub mod bell;
pub mod call;
pub mod core;
mod counting;
mod deferral;
pub mod due;
pub mod handle;
pub mod intake;
mod keyed;
mod latest;
mod memory;
pub mod outgoing;
mod owners;
pub mod pause;
pub mod pending;
pub mod placement;
pub mod receive;
mod relay;
pub mod relief;
pub mod ring;
pub mod share;
pub mod run;
pub mod send;
mod shared_address;
pub mod socket;
pub mod split;
pub mod start;
pub mod station;
pub mod tcp;
pub mod timers;
pub mod udp;
pub mod wake;

#[cfg(test)]
mod relief_tests;
#[cfg(test)]
pub mod simulation;
#[cfg(test)]
mod tests;
