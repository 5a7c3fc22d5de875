//! State per SSRC, in two short arrays: the SSRCs lie side by side, so that finding one is a scan of a few cache lines.

use super::{MAX_STREAMS, SrtpError, Window};
use crate::media::prefetch::prefetch;

#[derive(Default)]
pub(super) struct Streams {
    ssrcs: Vec<u32>,
    windows: Vec<Window>,
    /// Where the last packet's SSRC was; packets come in runs.
    last: usize,
}

impl Streams {
    /// State of `ssrc`; a fresh one if it is unknown. Changes nothing.
    pub fn get(&self, ssrc: u32) -> Window {
        self.find(ssrc).map_or_else(Window::default, |at| self.windows[at])
    }

    /// Marks `index` as used.
    pub fn mark(&mut self, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        let at = match self.find(ssrc) {
            Some(at) => at,
            None if self.ssrcs.len() >= MAX_STREAMS => return Err(SrtpError::TooManyStreams),
            None => {
                self.ssrcs.push(ssrc);
                self.windows.push(Window::default());
                self.ssrcs.len() - 1
            }
        };
        self.windows[at].mark(index);
        self.last = at;
        Ok(())
    }

    /// Fetches the state of the last packet's SSRC.
    pub fn prefetch(&self) {
        self.ssrcs.get(self.last).into_iter().for_each(prefetch);
        self.windows.get(self.last).into_iter().for_each(prefetch);
    }

    pub fn len(&self) -> usize {
        self.ssrcs.len()
    }

    fn find(&self, ssrc: u32) -> Option<usize> {
        if self.ssrcs.get(self.last) == Some(&ssrc) {
            return Some(self.last);
        }
        self.ssrcs.iter().position(|known| *known == ssrc)
    }
}
