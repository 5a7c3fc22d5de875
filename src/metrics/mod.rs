//! Numbers that are counted where things happen and read by whoever asks: counters and histograms that cost a few stores,
//! and the text in which monitoring systems read them.
#![forbid(unsafe_code)]

mod count;
mod histogram;
mod text;

pub use count::Own;
pub use histogram::{Histogram, Reading};
pub use text::{Family, Format, Kind, Unit, Writer};
