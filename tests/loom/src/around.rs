//! The modules that the library's files name, as far as they need them.

pub mod util {
    pub mod atomic {
        pub use crate::checked::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
    }

    /// In place of an eventfd.
    pub mod event {
        use crate::checked::sync::{Condvar, Mutex};
        use std::io;

        pub struct Event {
            rung: Mutex<bool>,
            change: Condvar,
        }

        impl Event {
            pub fn new() -> io::Result<Event> {
                Ok(Event { rung: Mutex::new(false), change: Condvar::new() })
            }

            pub fn ring(&self) {
                *self.rung.lock().unwrap() = true;
                self.change.notify_one();
            }

            pub fn silence(&self) {
                *self.rung.lock().unwrap() = false;
            }

            /// In place of poll.
            pub fn wait(&self) {
                let mut rung = self.rung.lock().unwrap();
                while !*rung {
                    rung = self.change.wait(rung).unwrap();
                }
            }
        }
    }
}

pub mod rtp {
    pub mod header {
        pub const FIXED_LEN: usize = 12;
    }
    pub use crate::extensions::Extensions;
}

pub mod media {
    pub(crate) use crate::address;

    pub mod types {
        use crate::rtp::Extensions;

        pub type Mindex = i32;

        #[derive(Clone, Copy)]
        pub struct RtpOut<'a> {
            pub mindex: Mindex,
            pub video: bool,
            pub packet: &'a [u8],
            pub extensions: Extensions<'a>,
        }
    }

    pub mod streams {
        use super::types::{Mindex, RtpOut};
        use crate::rtp::Extensions;
        use crate::rtp::header::FIXED_LEN;

        #[derive(Clone, Copy, Debug)]
        pub struct Parts<'a> {
            pub mindex: Mindex,
            pub video: bool,
            pub header: [u8; FIXED_LEN],
            pub extensions: Extensions<'a>,
            pub payload: &'a [u8],
        }

        impl<'a> Parts<'a> {
            pub fn of(out: &RtpOut<'a>) -> Option<Parts<'a>> {
                let RtpOut { mindex, video, packet, extensions } = *out;
                let (header, payload) = packet.split_first_chunk::<FIXED_LEN>()?;
                Some(Parts { mindex, video, header: *header, extensions, payload })
            }
        }
    }
}
