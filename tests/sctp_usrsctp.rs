//! Our data channels against usrsctp, the stack in Firefox and in the reference; both sides send INIT (MP-213). Skipped
//! where the library is not installed.

use bytes::Bytes;
use janus_rs::media::sctp::{Sctp, SctpEvent};
use std::collections::VecDeque;
use std::ffi::{CStr, c_int, c_void};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{mem, ptr};

const AF_CONN: u16 = 123;
const SOCK_STREAM: c_int = 1;
const IPPROTO_SCTP: c_int = 132;
const SENDV_SNDINFO: u32 = 1;
const ENABLE_STREAM_RESET: c_int = 0x900;
const RESET_STREAMS: c_int = 0x901;

/// `struct sockaddr_conn` on Linux.
#[repr(C)]
struct Address {
    family: u16,
    /// Network byte order.
    port: u16,
    connection: *mut c_void,
}

/// `struct sctp_sndinfo`.
#[repr(C)]
struct SendInfo {
    stream: u16,
    flags: u16,
    /// Network byte order.
    ppid: u32,
    context: u32,
    association: u32,
}

/// `struct sctp_reset_streams`; flag 2: outgoing.
#[repr(C)]
struct ResetStreams {
    association: u32,
    flags: u16,
    number: u16,
    streams: [u16; 1],
}

/// What usrsctp wants to send, with the connection it is for.
static OUTGOING: Mutex<VecDeque<(usize, Vec<u8>)>> = Mutex::new(VecDeque::new());

extern "C" fn output(connection: *mut c_void, data: *mut c_void, len: usize, _tos: u8, _df: u8) -> c_int {
    // SAFETY: usrsctp gives a buffer of `len` bytes for the time of the call.
    let packet = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec();
    OUTGOING.lock().unwrap().push_back((connection as usize, packet));
    0
}

#[derive(Clone, Copy)]
struct Library(*mut c_void);

impl Library {
    fn open() -> Option<Library> {
        // SAFETY: constant names; the library is never closed.
        let handles = [c"libusrsctp.so.2", c"libusrsctp.so.1"]
            .map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) });
        handles.into_iter().find(|handle| !handle.is_null()).map(Library)
    }

    /// `F` is the function's type, as usrsctp.h gives it.
    fn function<F: Copy>(&self, name: &CStr) -> F {
        // SAFETY: the handle is open; the result is checked below.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!symbol.is_null(), "{name:?}");
        assert_eq!(size_of::<F>(), size_of_val(&symbol));
        // SAFETY: not NULL, of equal size, and of the type that the caller read in usrsctp.h.
        unsafe { mem::transmute_copy(&symbol) }
    }

    fn init(&self) {
        type Output = extern "C" fn(*mut c_void, *mut c_void, usize, u8, u8) -> c_int;
        let init: unsafe extern "C" fn(u16, Output, *const c_void) = self.function(c"usrsctp_init_nothreads");
        // SAFETY: once, before anything else; no debug output.
        unsafe { init(0, output, ptr::null()) }
    }

    fn pass_time(&self, milliseconds: u32) {
        let handle: unsafe extern "C" fn(u32) = self.function(c"usrsctp_handle_timers");
        // SAFETY: after init.
        unsafe { handle(milliseconds) }
    }
}

/// A usrsctp socket; its `id` stands for the connection's address.
struct Peer {
    library: Library,
    socket: *mut c_void,
    id: usize,
    received: Vec<u8>,
}

impl Peer {
    fn connect(library: Library, id: usize) -> Peer {
        let connection = id as *mut c_void;
        let mut address = Address { family: AF_CONN, port: 5000u16.to_be(), connection };
        type Open = unsafe extern "C" fn(
            c_int,
            c_int,
            c_int,
            *const c_void,
            *const c_void,
            u32,
            *const c_void,
        ) -> *mut c_void;
        type Name = unsafe extern "C" fn(*mut c_void, *mut Address, u32) -> c_int;
        // SAFETY: types as in usrsctp.h; usrsctp never follows the connection's address.
        unsafe {
            library.function::<unsafe extern "C" fn(*mut c_void)>(c"usrsctp_register_address")(connection);
            let open: Open = library.function(c"usrsctp_socket");
            let none = ptr::null();
            let socket = open(AF_CONN.into(), SOCK_STREAM, IPPROTO_SCTP, none, none, 0, none);
            assert!(!socket.is_null());
            let set: unsafe extern "C" fn(*mut c_void, c_int) -> c_int =
                library.function(c"usrsctp_set_non_blocking");
            assert_eq!(set(socket, 1), 0);
            let len = size_of::<Address>() as u32;
            assert_eq!(library.function::<Name>(c"usrsctp_bind")(socket, &mut address, len), 0);
            let peer = Peer { library, socket, id, received: Vec::new() };
            // struct sctp_assoc_value
            peer.set_option(ENABLE_STREAM_RESET, &[0u32, 1]);
            // In progress.
            assert_eq!(library.function::<Name>(c"usrsctp_connect")(socket, &mut address, len), -1);
            peer
        }
    }

    fn input(&self, packet: &[u8]) {
        let input: unsafe extern "C" fn(*mut c_void, *const u8, usize, u8) =
            self.library.function(c"usrsctp_conninput");
        // SAFETY: a registered address and a live buffer, which is copied.
        unsafe { input(self.id as *mut c_void, packet.as_ptr(), packet.len(), 0) }
    }

    fn send(&self, stream: u16, ppid: u32, data: &[u8]) {
        let info = SendInfo { stream, flags: 0, ppid: ppid.to_be(), context: 0, association: 0 };
        type Send = unsafe extern "C" fn(
            *mut c_void,
            *const u8,
            usize,
            *const c_void,
            c_int,
            *const SendInfo,
            u32,
            u32,
            c_int,
        ) -> isize;
        let send: Send = self.library.function(c"usrsctp_sendv");
        let size = size_of::<SendInfo>() as u32;
        // SAFETY: a live socket, buffer and info of the announced kind.
        let sent = unsafe {
            send(self.socket, data.as_ptr(), data.len(), ptr::null(), 0, &info, size, SENDV_SNDINFO, 0)
        };
        assert_eq!(sent, data.len() as isize);
    }

    fn set_option<T>(&self, option: c_int, value: &T) {
        type Set<T> = unsafe extern "C" fn(*mut c_void, c_int, c_int, *const T, u32) -> c_int;
        let set: Set<T> = self.library.function(c"usrsctp_setsockopt");
        // SAFETY: a live socket; `T` is the option's struct.
        let status = unsafe { set(self.socket, IPPROTO_SCTP, option, value, size_of::<T>() as u32) };
        assert_eq!(status, 0, "option {option:#x}");
    }

    /// What a browser does in `RTCDataChannel.close()`.
    fn reset(&self, stream: u16) {
        self.set_option(
            RESET_STREAMS,
            &ResetStreams { association: 0, flags: 2, number: 1, streams: [stream] },
        );
    }

    fn receive(&mut self) {
        type Receive = unsafe extern "C" fn(
            *mut c_void,
            *mut u8,
            usize,
            *mut c_void,
            *mut u32,
            *mut c_void,
            *mut u32,
            *mut u32,
            *mut c_int,
        ) -> isize;
        let receive: Receive = self.library.function(c"usrsctp_recvv");
        let mut buffer = [0; 4096];
        loop {
            let (mut from, mut info, mut kind, mut flags) = (0, 0, 0, 0);
            // SAFETY: a live socket; no address and no info wanted, their lengths are 0.
            let len = unsafe {
                receive(
                    self.socket,
                    buffer.as_mut_ptr(),
                    buffer.len(),
                    ptr::null_mut(),
                    &mut from,
                    ptr::null_mut(),
                    &mut info,
                    &mut kind,
                    &mut flags,
                )
            };
            let Ok(len @ 1..) = usize::try_from(len) else { return };
            self.received.extend(&buffer[..len]);
        }
    }
}

/// Both ends and the time.
struct World {
    ours: Sctp,
    theirs: Peer,
    now: Instant,
    events: Vec<SctpEvent>,
}

impl World {
    fn run(&mut self, milliseconds: u32, us_first: bool) {
        for _ in 0..milliseconds / 10 {
            for ours in [us_first, !us_first, us_first, !us_first] {
                if ours {
                    while let Some(packet) = self.ours.poll_transmit() {
                        self.theirs.input(&packet);
                    }
                } else {
                    while let Some((id, packet)) = { OUTGOING.lock().unwrap().pop_front() } {
                        assert_eq!(id, self.theirs.id);
                        self.ours.handle(packet.into(), self.now);
                    }
                }
                self.events.extend(std::iter::from_fn(|| self.ours.poll_event()));
                self.theirs.receive();
            }
            self.now += Duration::from_millis(10);
            self.theirs.library.pass_time(10);
            self.ours.handle_timeout(self.now);
        }
    }
}

#[test]
fn usrsctp_and_we_talk() {
    let Some(library) = Library::open() else {
        eprintln!("skipped: usrsctp is not installed");
        return;
    };
    library.init();
    let large: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    for (number, (client, us_first)) in
        [(true, true), (true, false), (false, true), (false, false)].into_iter().enumerate()
    {
        OUTGOING.lock().unwrap().clear();
        let now = Instant::now();
        let mut world = World {
            ours: Sctp::new(client, 1200, now).unwrap(),
            theirs: Peer::connect(library, 0x1000 + number),
            now,
            events: Vec::new(),
        };
        world.run(5000, us_first);
        assert_eq!(world.events, [SctpEvent::Up, SctpEvent::DataReady], "client {client} first {us_first}");

        // Ours: OPEN, text, and more than one window's worth.
        world.events.clear();
        world.ours.send(Some("a"), Some("p"), false, Bytes::from_static(b"hello"), world.now).unwrap();
        world.ours.send(Some("a"), None, true, large.clone().into(), world.now).unwrap();
        world.run(5000, us_first);
        let mut expected = b"\x03\0\0\0\0\0\0\0\0\x01\0\x01aphello".to_vec();
        expected.extend(&large);
        assert!(world.theirs.received == expected, "{} bytes", world.theirs.received.len());
        assert_eq!(world.events, [SctpEvent::DataReady]);

        // Theirs.
        world.events.clear();
        world.theirs.received.clear();
        let stream = if client { 7 } else { 8 };
        world.theirs.send(stream, 50, b"\x03\0\0\0\0\0\0\0\0\x01\0\0b");
        world.theirs.send(stream, 51, b"text");
        world.theirs.send(stream, 53, &large);
        world.run(5000, us_first);
        let incoming =
            |binary, data: Bytes| SctpEvent::Incoming { label: "b".into(), protocol: None, binary, data };
        world.events.retain(|event| *event != SctpEvent::DataReady);
        assert_eq!(world.events.len(), 2);
        assert_eq!(world.events[0], incoming(false, Bytes::from_static(b"text")));
        assert!(world.events[1] == incoming(true, large.clone().into()));
        assert_eq!(world.theirs.received, [2], "acknowledged");

        // The peer closes its channel; the next message to the same label opens another.
        world.theirs.received.clear();
        world.theirs.reset(stream);
        world.run(5000, us_first);
        world.ours.send(Some("b"), None, false, Bytes::from_static(b"anew"), world.now).unwrap();
        world.run(5000, us_first);
        assert_eq!(world.theirs.received, b"\x03\0\0\0\0\0\0\0\0\x01\0\0banew");
    }
}
