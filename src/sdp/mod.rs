//! Session descriptions: the model that plugins edit, its parser and writer, and the offer/answer helpers.
//! Plain Rust; helpers.md §9 is the contract.
#![forbid(unsafe_code)]

pub mod model;
pub mod rules;
mod cscan;
mod parse;
mod write;
pub mod codec;
mod lookup;
pub mod options;
pub mod offer;
pub mod answer;
pub mod single;
pub mod textscan;

pub use codec::Codec;
pub use lookup::starts_with_number;
pub use model::{Attribute, Direction, MediaType, Mline, Sdp};
pub use parse::ParseError;
pub use rules::Rules;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod generator_tests;
