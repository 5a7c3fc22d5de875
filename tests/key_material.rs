//! Keys of SRTP are overwritten before their memory is given back.

use janus_rs::media::DtlsRole;
use janus_rs::media::dtls::{Connected, Dtls, DtlsConfig, DtlsContext, DtlsEvent, Identity, OpenSslDtls};
use janus_rs::media::srtp::{Profile, Session};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};

/// Larger ones hold no key alone.
const LARGEST: usize = 256;

thread_local! {
    /// Small blocks that this thread frees are kept here.
    static FREED: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

struct Keeping;

// SAFETY: everything is done by the system allocator; what `dealloc` allocates itself is not kept, so it does not call
// itself more than once.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are System's. All bytes may be read when the block is freed.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if layout.size() <= LARGEST && WATCHED.replace(false) {
            // SAFETY: `alloc` has initialised all bytes of the block, which nobody else has any more.
            let block = unsafe { std::slice::from_raw_parts(pointer, layout.size()) };
            FREED.with_borrow_mut(|freed| freed.push(block.to_vec()));
            WATCHED.set(true);
        }
        // SAFETY: `pointer` came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static KEEPING: Keeping = Keeping;

/// The blocks that `act` frees.
fn freed_by(act: impl FnOnce()) -> Vec<Vec<u8>> {
    WATCHED.set(true);
    act();
    WATCHED.set(false);
    FREED.take()
}

fn assert_gone(what: &str, secret: &[u8], freed: &[Vec<u8>]) {
    let found = freed.iter().any(|block| block.windows(secret.len()).any(|window| window == secret));
    assert!(!found, "{what} was freed as it is");
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// With the keys of RFC 3711 B.3.
#[test]
fn session_keys() {
    let (master, salt) = (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
    let freed = freed_by(|| drop(Session::new(Profile::Aes128CmSha1_80, &master, &salt).unwrap()));
    assert!(!freed.is_empty());
    assert_gone("the cipher key", &hex("C61E7A93744F39EE10734AFE3FF7A087"), &freed);
    assert_gone("the salt", &hex("30CBBC08863D8C85D49DB34A9AE1"), &freed);
    assert_gone("the authentication key", &hex("CEBE321F6FF7716B6FD4AB49AF256A15"), &freed);
}

#[test]
fn keys_of_a_handshake() {
    let context = DtlsContext::new(&Identity::generate(false).unwrap(), &DtlsConfig::default()).unwrap();
    let [mut client, mut server] =
        [DtlsRole::Active, DtlsRole::Passive].map(|role| context.associate(role).unwrap());
    let mut secrets = Vec::new();
    let freed = freed_by(|| {
        server.start();
        client.start();
        let connected = loop {
            assert!(carry(&mut client, &mut server) + carry(&mut server, &mut client) > 0, "no handshake");
            if let Some(DtlsEvent::Connected(connected)) = client.poll_event() {
                break connected;
            }
        };
        secrets = secrets_of(&connected);
    });
    for (what, secret) in &secrets {
        assert_gone(what, secret, &freed);
    }
}

/// Copies in blocks that stay.
fn secrets_of(connected: &Connected) -> Vec<(&'static str, Vec<u8>)> {
    let (local, remote) = (&connected.local, &connected.remote);
    vec![
        ("our key", local.key.clone()),
        ("our salt", local.salt.clone()),
        ("the peer's key", remote.key.clone()),
        ("the peer's salt", remote.salt.clone()),
    ]
}

/// How many datagrams there were.
fn carry(from: &mut OpenSslDtls, to: &mut OpenSslDtls) -> usize {
    let datagrams = std::iter::from_fn(|| from.poll_transmit());
    datagrams.map(|datagram| to.handle(&datagram)).count()
}
