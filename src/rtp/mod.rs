//! RTP as plugins see it: headers, header extensions, codecs, key frames, continuity of numbering, simulcast, SVC.
//! Plain Rust over byte slices; the exports in [`crate::abi`] and the media path both use it. Nothing here allocates
//! per packet, takes a lock or reads a clock: the time is always an argument.
#![forbid(unsafe_code)]

pub mod av1;
pub mod bits;
pub mod codec;
pub mod extensions;
pub mod extension_writer;
pub mod header;
pub mod header_ext;
pub mod keyframe;
pub mod red;
pub mod simulcast;
pub mod svc;
pub mod switching;
pub mod uri;
pub mod vp8;
pub mod vp9;

pub use codec::{AudioCodec, VideoCodec};
pub use extension_writer::ExtensionWriter;
pub use extensions::Extensions;
pub use header::{Header, is_rtp};
pub use header_ext::ExtensionIds;
pub use switching::SwitchingContext;
