//! Session descriptions: the model that plugins edit, its parser and writer, and the offer/answer helpers.
//! Plain Rust; helpers.md §9 is the contract.
#![forbid(unsafe_code)]

pub mod model;

pub use model::{Attribute, Direction, MediaType, Mline, Sdp};
