//! Our SRTP against libsrtp2, in both directions and with every profile. Skipped where the library is not installed.

use janus_rs::media::srtp::{Profile, Session};
use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::{mem, ptr};

/// `srtp_crypto_policy_t`; filled in by the library.
#[repr(C)]
#[derive(Default)]
struct CryptoPolicy([u32; 6]);

/// `srtp_policy_t` of libsrtp 2.
#[repr(C)]
struct Policy {
    ssrc_type: u32,
    ssrc: u32,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *const u8,
    keys: *const c_void,
    num_keys: c_ulong,
    ekt: *const c_void,
    window: c_ulong,
    allow_repeat_tx: c_int,
    encrypted_extensions: *const c_int,
    encrypted_extension_count: c_int,
    next: *const c_void,
}

const ANY_INBOUND: u32 = 2;
const ANY_OUTBOUND: u32 = 3;

type Transform = unsafe extern "C" fn(*mut c_void, *mut u8, *mut c_int) -> c_int;

struct Library(*mut c_void);

impl Library {
    fn open() -> Option<Library> {
        // SAFETY: a constant name; the library is never closed.
        let handle = unsafe { libc::dlopen(c"libsrtp2.so.1".as_ptr(), libc::RTLD_NOW) };
        (!handle.is_null()).then_some(Library(handle))
    }

    /// `F` is the function's type, as srtp.h gives it.
    fn function<F: Copy>(&self, name: &CStr) -> F {
        // SAFETY: the handle is open; the result is checked below.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!symbol.is_null(), "{name:?}");
        assert_eq!(size_of::<F>(), size_of_val(&symbol));
        // SAFETY: not NULL, of equal size, and of the type that the caller read in srtp.h.
        unsafe { mem::transmute_copy(&symbol) }
    }

    fn session(&self, profile: Profile, key: &[u8], direction: u32) -> *mut c_void {
        let setter: [&CStr; 2] = match profile {
            Profile::AeadAes128Gcm => [c"srtp_crypto_policy_set_aes_gcm_128_16_auth"; 2],
            Profile::AeadAes256Gcm => [c"srtp_crypto_policy_set_aes_gcm_256_16_auth"; 2],
            Profile::Aes128CmSha1_80 => [c"srtp_crypto_policy_set_rtp_default"; 2],
            // MP-134
            Profile::Aes128CmSha1_32 => {
                [c"srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32", c"srtp_crypto_policy_set_rtp_default"]
            }
        };
        let [rtp, rtcp] = setter.map(|name| {
            let mut policy = CryptoPolicy::default();
            // SAFETY: void f(srtp_crypto_policy_t *), which fills the struct.
            unsafe { self.function::<unsafe extern "C" fn(*mut CryptoPolicy)>(name)(&mut policy) };
            policy
        });
        let policy = Policy {
            ssrc_type: direction,
            ssrc: 0,
            rtp,
            rtcp,
            key: key.as_ptr(),
            keys: ptr::null(),
            num_keys: 0,
            ekt: ptr::null(),
            window: 128,
            allow_repeat_tx: 0,
            encrypted_extensions: ptr::null(),
            encrypted_extension_count: 0,
            next: ptr::null(),
        };
        let mut session = ptr::null_mut();
        let create: unsafe extern "C" fn(*mut *mut c_void, *const Policy) -> c_int =
            self.function(c"srtp_create");
        // SAFETY: srtp_create copies policy and key.
        assert_eq!(unsafe { create(&mut session, &policy) }, 0);
        session
    }

    /// `srtp_protect` and its kin: `packet[..len]` in place; the new length.
    fn apply(&self, name: &CStr, session: *mut c_void, packet: &mut [u8], len: usize) -> usize {
        assert!(packet.len() >= len + 144, "room for any trailer");
        let mut len = len as c_int;
        // SAFETY: a live session, and a buffer with more room than any trailer takes.
        let status = unsafe { self.function::<Transform>(name)(session, packet.as_mut_ptr(), &mut len) };
        assert_eq!(status, 0, "{name:?}");
        len as usize
    }
}

fn rtp(sequence: u32) -> Vec<u8> {
    let mut packet = vec![0x90, 96, (sequence >> 8) as u8, sequence as u8, 0, 0, 0, 1, 0, 0, 0, 7];
    packet.extend([0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]);
    packet.extend((0..sequence % 1100).map(|i| i as u8));
    packet
}

fn rtcp(sequence: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
    packet.extend((0..sequence % 60 * 4).map(|i| i as u8));
    packet
}

#[test]
fn libsrtp2_and_we_read_each_other() {
    let Some(library) = Library::open() else {
        eprintln!("skipped: libsrtp2.so.1 is not installed");
        return;
    };
    let init: unsafe extern "C" fn() -> c_int = library.function(c"srtp_init");
    // SAFETY: once, before anything else.
    assert_eq!(unsafe { init() }, 0);
    let version: unsafe extern "C" fn() -> *const c_char = library.function(c"srtp_get_version_string");
    // SAFETY: a constant string.
    let version = unsafe { CStr::from_ptr(version()) }.to_str().unwrap();
    assert!(version.starts_with("libsrtp2 2."), "the structs above are those of version 2: {version}");

    for profile in Profile::ALL {
        let material: Vec<u8> = (0..profile.key_len() + profile.salt_len()).map(|i| i as u8 * 3).collect();
        let (key, salt) = material.split_at(profile.key_len());
        let mut ours = Session::new(profile, key, salt).unwrap();
        let mut ours_in = Session::new(profile, key, salt).unwrap();
        let theirs = library.session(profile, &material, ANY_OUTBOUND);
        let theirs_in = library.session(profile, &material, ANY_INBOUND);

        // Across two roll-overs, one packet in 61.
        for sequence in (1000..140_000).step_by(61) {
            let plain = rtp(sequence);
            let mut mine = plain.clone();
            mine.resize(plain.len() + 200, 0);
            let mut other = mine.clone();
            let sealed = ours.protect_rtp(&mut mine, plain.len()).unwrap();
            assert_eq!(library.apply(c"srtp_protect", theirs, &mut other, plain.len()), sealed);
            assert_eq!(mine[..sealed], other[..sealed]);
            assert_eq!(library.apply(c"srtp_unprotect", theirs_in, &mut mine, sealed), plain.len());
            assert_eq!(mine[..plain.len()], plain);
            assert_eq!(ours_in.unprotect_rtp(&mut other[..sealed]), Ok(plain.len()));
            assert_eq!(other[..plain.len()], plain);
        }
        for sequence in 0..100 {
            let plain = rtcp(sequence);
            let mut mine = plain.clone();
            mine.resize(plain.len() + 200, 0);
            let mut other = mine.clone();
            let sealed = ours.protect_rtcp(&mut mine, plain.len()).unwrap();
            assert_eq!(library.apply(c"srtp_protect_rtcp", theirs, &mut other, plain.len()), sealed);
            assert_eq!(library.apply(c"srtp_unprotect_rtcp", theirs_in, &mut mine, sealed), plain.len());
            assert_eq!(mine[..plain.len()], plain);
            assert_eq!(ours_in.unprotect_rtcp(&mut other[..sealed]), Ok(plain.len()));
            assert_eq!(other[..plain.len()], plain);
        }
    }
}
