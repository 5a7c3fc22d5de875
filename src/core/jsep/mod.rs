//! JSEP: what session descriptions do to a PeerConnection, without touching one.
//!
//! A client's description travels [`Description::parse`] → [`Negotiation::apply_remote`] → [`fn@anonymise`] → plugin.
//! A plugin's description travels [`Description::parse`] → [`Negotiation::apply_local`] → [`Negotiation::merge`] →
//! client. Plugins of 0.x know fewer m-lines: [`to_single`] and [`Negotiation::from_single`]. In between, [`Negotiation::media`] and [`Negotiation::extensions`] say what the engine shall do.
//! media-plane.md §2 is the contract.
#![forbid(unsafe_code)]

mod anonymise;
mod description;
mod extensions;
mod local;
mod merge;
mod remote;
mod rtx;
mod single;
mod state;
#[cfg(test)]
mod replaced_tests;
#[cfg(test)]
mod tests;

pub use anonymise::anonymise;
pub use description::{Description, JsepError, SdpType, Setup};
pub use merge::LocalTransport;
pub use remote::RemoteChange;
pub use single::{frame_marking, to_single, without_mids};
pub use state::{DataSyntax, Medium, MediumKind, Negotiation, RidOrder, Simulcast, SimulcastLayers};
