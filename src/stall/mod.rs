//! Which callback of which plugin each thread is in, and how often one of them took too long.
//!
//! A thread notes down what it enters ([`enter`], a few stores; the clock for each call that is no packet's, and for one in
//! [`SAMPLE`] of those). The watchdog looks at the notes several times
//! a second ([`Observer`]): a note that is still the same after [`LIMIT`] is a stall. [`report`] is what the Admin API
//! shows; whoever exports metrics takes the same. The report of a crash asks [`doing`].
#![forbid(unsafe_code)]

mod observer;
mod plugin;
mod thread;

#[cfg(test)]
pub use observer::turn;
pub use observer::{LIMIT, News, Observer, Stall};
pub use plugin::{Callback, CallbackReport, Origin, Plugin, PluginReport, Spent, origin_of, report, spent};
pub use thread::{Doing, Inside, SAMPLE, ThreadId, doing, enter, this_thread};

#[cfg(test)]
mod tests;
