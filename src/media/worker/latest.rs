//! What a thread has put into rings last: a plugin relays the same payload to receiver after receiver.
#![forbid(unsafe_code)]

use crate::media::streams::Parts;
use crate::rtp::Extensions;

/// Most bytes of payload and dependency descriptor together.
pub const ROOM: usize = 2048;
pub const MAX_DESCRIPTOR: usize = 255;

/// The body that a thread has written last, and where.
pub struct Latest {
    extensions: Extensions<'static>,
    payload: Vec<u8>,
    descriptor: Vec<u8>,
    /// Rings, and the position in each.
    places: Vec<(u64, u64)>,
}

impl Latest {
    pub fn new() -> Latest {
        Latest {
            extensions: Extensions::default(),
            payload: Vec::with_capacity(ROOM),
            descriptor: Vec::with_capacity(MAX_DESCRIPTOR),
            places: Vec::new(),
        }
    }

    pub fn is(&self, parts: &Parts<'_>) -> bool {
        self.payload == parts.payload
            && parts.extensions == Extensions { dependency_descriptor: &self.descriptor, ..self.extensions }
    }

    pub fn set(&mut self, parts: &Parts<'_>) {
        self.extensions = Extensions { dependency_descriptor: &[], ..parts.extensions };
        self.payload.clear();
        self.payload.extend_from_slice(parts.payload);
        self.descriptor.clear();
        self.descriptor.extend_from_slice(parts.extensions.dependency_descriptor);
        self.places.clear();
    }

    pub fn placed(&mut self, ring: u64, at: u64) {
        self.places.push((ring, at));
    }

    /// Where it is in this ring.
    pub fn place(&mut self, ring: u64) -> Option<&mut u64> {
        self.places.iter_mut().find(|(known, _)| *known == ring).map(|(_, at)| at)
    }
}
