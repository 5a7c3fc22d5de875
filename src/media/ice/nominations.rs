//! Where a lite agent's peer says that it is, as long as nothing proves it.
#![forbid(unsafe_code)]

use super::path::{Origin, Path};

/// Many more than a peer has networks. Somebody who sends the peer's requests again, or the peer itself with addresses of others,
/// adds some; the peer's own one has its proof with the next packet of media.
const MOST: usize = 8;

/// The newest is the last. Whichever has its proof first is the path, and those before it are over: the peer has moved on since.
#[derive(Default)]
pub(super) struct Nominations(Vec<Path>);

impl Nominations {
    pub fn add(&mut self, path: Path) {
        self.0.retain(|known| *known != path);
        self.insert(path, self.0.len());
    }

    /// By a request that was seen from elsewhere already: it, or that one, is a copy, which must not put aside what is newer.
    pub fn add_doubtful(&mut self, path: Path) {
        if !self.0.contains(&path) {
            self.insert(path, 0);
        }
    }

    fn insert(&mut self, path: Path, place: usize) {
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.insert(place.min(self.0.len()), path);
    }

    /// Something authentic came from there.
    pub fn prove(&mut self, from: Origin) -> Option<Path> {
        let place = self.0.iter().rposition(|path| path.origin() == from)?;
        self.0.drain(..=place).next_back()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter()
    }

    /// Nothing comes by this way any more.
    pub fn forget(&mut self, path: Path) {
        self.0.retain(|known| *known != path);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
