//! `janus-rs.jcfg`: `queues: { requests = 4096, … }`.
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::core::bounds::{Bound, Bounds};
use crate::options::{
    Number, Opt, QUEUE_CHANGES, QUEUE_CHANGES_BYTES, QUEUE_EVENTS, QUEUE_EVENTS_BYTES, QUEUE_NOTIFICATIONS,
    QUEUE_NOTIFICATIONS_BYTES, QUEUE_REQUESTS, QUEUE_REQUESTS_BYTES,
};

pub fn bounds(own: &Config) -> Bounds {
    let bound = |number: Opt<Number>, bytes: Opt<Number>| Bound {
        number: number.of(own) as usize,
        bytes: bytes.of(own) as usize,
    };
    Bounds {
        requests: bound(QUEUE_REQUESTS, QUEUE_REQUESTS_BYTES),
        events: bound(QUEUE_EVENTS, QUEUE_EVENTS_BYTES),
        notifications: bound(QUEUE_NOTIFICATIONS, QUEUE_NOTIFICATIONS_BYTES),
        changes: bound(QUEUE_CHANGES, QUEUE_CHANGES_BYTES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::no_include;

    #[test]
    fn numbers_above_zero_or_the_default() {
        let read = |text: &str| bounds(&Config::parse("own.jcfg", text.as_bytes(), &no_include).unwrap());
        assert_eq!(read(""), Bounds::default());
        let set = read("queues: { requests = 5; events_bytes = 0; notifications = \"many\" }");
        let mut wanted = Bounds::default();
        wanted.requests.number = 5;
        assert_eq!(set, wanted);
    }
}
