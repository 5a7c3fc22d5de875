use super::*;
use crate::json::Json;
use crate::media::{Mindex, RtpOut};

#[derive(Default)]
struct Host {
    ended: AtomicI32,
}

impl HandleHost for Host {
    fn push_event(&self, _: &str, _: Option<&str>, _: Json, _: Option<Json>) -> i32 {
        0
    }
    fn relay_rtp(&self, _: RtpOut<'_>) {}
    fn relay_rtcp(&self, _: Mindex, _: bool, _: &[u8]) {}
    fn relay_data(&self, _: Option<&str>, _: Option<&str>, _: bool, _: &[u8]) {}
    fn send_pli(&self, _: Option<Mindex>) {}
    fn send_remb(&self, _: u32) {}
    fn close_pc(&self) {}
    fn end_session(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
    fn session_id(&self) -> u64 {
        1
    }
    fn handle_id(&self) -> u64 {
        2
    }
    fn opaque_id(&self) -> Option<String> {
        None
    }
}

fn session(host: &Arc<Host>) -> *mut janus_plugin_session {
    allocate(host.clone(), "janus.plugin.test".into()).unwrap()
}

fn count(session: *mut janus_plugin_session) -> *mut janus_refcount {
    // SAFETY: a slot's address is always accessible.
    unsafe { &raw mut (*session).r#ref }
}

// CP-206, CP-207, CP-218 … CP-222, MP-004
#[test]
fn life_of_a_session() {
    let host = Arc::new(Host::default());
    let session = session(&host);
    // SAFETY: just made.
    unsafe {
        assert!((*session).plugin_handle.is_null() && !(*session).gateway_handle.is_null());
        assert_eq!(((*session).stopped, (*session).r#ref.count), (0, 2));
    }
    assert!(enter(session, Need::Alive).is_none());
    assert!(enter(session, Need::Exists).is_some());
    activate(session);
    assert_eq!(enter(session, Need::Alive).unwrap().host().handle_id(), 2);
    stop(session);
    assert!(enter(session, Need::Alive).is_none() && !is_alive(session));
    assert_eq!(enter(session, Need::Exists).unwrap().package(), "janus.plugin.test");
    // SAFETY: the core's reference, then the plugin's, each once; the slot stays readable.
    unsafe {
        assert_eq!((*session).stopped, 1);
        release(session);
        assert_eq!(Arc::strong_count(&host), 2);
        refcount::decrease(count(session));
        assert_eq!(Arc::strong_count(&host), 1);
        assert_eq!((*session).stopped, 1);
        assert!(enter(session, Need::Exists).is_none());
        // A plugin that counts on after the end changes nothing.
        refcount::increase(count(session));
        refcount::decrease(count(session));
    }
    assert_eq!(Arc::strong_count(&host), 1);
}

#[test]
fn the_host_outlives_a_call_in_progress() {
    let host = Arc::new(Host::default());
    let session = session(&host);
    activate(session);
    let inside = enter(session, Need::Alive).unwrap();
    // SAFETY: both references, dropped early by a plugin that misbehaves.
    unsafe {
        release(session);
        refcount::decrease(count(session));
    }
    inside.host().end_session();
    assert_eq!((host.ended.load(Ordering::SeqCst), Arc::strong_count(&host)), (1, 2));
    drop(inside);
    assert_eq!(Arc::strong_count(&host), 1);
}

// CP-234
#[test]
fn foreign_pointers_are_nobody() {
    let host = Arc::new(Host::default());
    let session = session(&host);
    activate(session);
    let on_stack = 0u64;
    for pointer in [0, 1, 0xfff, session as usize + 8, &raw const on_stack as usize, usize::MAX - 7] {
        assert!(enter(pointer as *const _, Need::Exists).is_none(), "{pointer:#x}");
    }
    discard(session);
    assert_eq!(Arc::strong_count(&host), 1);
    assert!(enter(session, Need::Exists).is_none());
}

#[test]
fn an_ended_slot_rests_before_it_is_used_again() {
    let host = Arc::new(Host::default());
    let first = session(&host);
    discard(first);
    let others: Vec<_> = (0..2 * STEP).map(|_| session(&host)).collect();
    assert!(!others.contains(&first));
    let distinct: std::collections::HashSet<_> = others.iter().collect();
    assert_eq!(distinct.len(), others.len());
    others.into_iter().for_each(discard);
    assert_eq!(Arc::strong_count(&host), 1);
}

#[test]
fn threads_race_the_end() {
    for _ in 0..200 {
        let host = Arc::new(Host::default());
        let address = session(&host) as usize;
        activate(address as *mut _);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(move || {
                    while let Some(inside) = enter(address as *const _, Need::Alive) {
                        inside.host().end_session();
                    }
                });
            }
            threads.spawn(move || discard(address as *mut _));
        });
        assert_eq!(Arc::strong_count(&host), 1);
    }
}
