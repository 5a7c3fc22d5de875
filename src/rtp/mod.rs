//! RTP as plugins see it: headers, header extensions, codecs, key frames, continuity of numbering, simulcast, SVC.
//! Plain Rust over byte slices; the exports in [`crate::abi`] and the media path both use it.
#![forbid(unsafe_code)]

pub mod extensions;

pub use extensions::Extensions;
