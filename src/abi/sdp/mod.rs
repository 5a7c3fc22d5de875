//! `sdp-utils.h`: session descriptions as C structs in GLib memory, which plugins walk and edit themselves. The
//! logic is [`crate::sdp`]; what is here converts, counts references, and returns borrowed text.

pub mod layout;
pub mod object;
pub mod convert;
mod lines;
mod names;
mod query;
mod generate;
mod single;
mod scan;
#[cfg(test)]
mod tests;

pub use layout::{janus_sdp, janus_sdp_attribute, janus_sdp_mline};
