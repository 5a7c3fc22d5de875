//! RTCP that receivers of forwarded RTP send back: one thread with a GLib loop, whose sources modules may look at.

use super::{Forwarder, HEADER, RtcpCallback, is_live};
use crate::abi::{entry, refcount};
use crate::glib::{FALSE, TRUE, gboolean};
use crate::rtcp;
use crate::util::lock::Lock;
use glib_sys as sys;
use libc::{c_int, c_uint, c_void};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::ptr;
use std::thread::JoinHandle;

/// Longest RTCP packet that is handed over.
const RTCP_MAX: usize = 1500;

struct Loop {
    context: *mut sys::GMainContext,
    main: *mut sys::GMainLoop,
    thread: JoinHandle<()>,
}

// SAFETY: GLib's contexts and loops may be used from any thread.
unsafe impl Send for Loop {}

static LOOP: Lock<Option<Loop>> = Lock::new(None);

impl Loop {
    fn start() -> std::io::Result<Loop> {
        struct Main(*mut sys::GMainLoop);
        // SAFETY: as for `Loop`.
        unsafe impl Send for Main {}
        impl Main {
            fn run(self) {
                // SAFETY: the loop outlives the thread, which `shut_down` joins first.
                unsafe { sys::g_main_loop_run(self.0) }
            }
        }
        // SAFETY: new objects of our own.
        let (context, main) = unsafe {
            let context = sys::g_main_context_new();
            (context, sys::g_main_loop_new(context, FALSE))
        };
        let running = Main(main);
        let thread = crate::util::thread::spawn("rtcpfwd", move || running.run())?;
        Ok(Loop { context, main, thread })
    }

    fn attach(source: *mut sys::GSource) -> std::io::Result<()> {
        let mut running = LOOP.lock();
        let running = match &mut *running {
            Some(running) => running,
            none => none.insert(Loop::start()?),
        };
        // SAFETY: a source that is not attached yet, and a live context.
        unsafe { sys::g_source_attach(source, running.context) };
        Ok(())
    }
}

unsafe extern "C" fn quit(main: *mut c_void) -> gboolean {
    // SAFETY: the loop that runs this.
    unsafe { sys::g_main_loop_quit(main.cast()) };
    FALSE
}

/// Ends the thread; sources that are left are never served again.
pub fn shut_down() {
    let Some(running) = LOOP.lock().take() else { return };
    // SAFETY: live objects, which only this function gives up. The loop is asked to quit from inside, as a request
    // from outside would be lost if the thread had not reached it yet.
    unsafe {
        sys::g_main_context_invoke(running.context, Some(quit), running.main.cast());
        if running.thread.join().is_err() {
            tracing::error!("the thread for RTCP of RTP forwarders panicked");
        }
        sys::g_main_loop_unref(running.main);
        sys::g_main_context_unref(running.context);
    }
}

/// Stops listening; NULL is fine. A callback may still be running.
///
/// # Safety
/// `source` is NULL or the source of a live forwarder.
pub unsafe fn stop(source: *mut sys::GSource) {
    if !source.is_null() {
        // SAFETY: promised by the caller; the reference is the forwarder's.
        unsafe {
            sys::g_source_destroy(source);
            sys::g_source_unref(source);
        }
    }
}

/// Opens a port for RTCP and introduces it to the receiver with two empty RTP packets, so that its NAT lets answers
/// through. Results as `janus_rtp_forwarder_add_rtcp`.
///
/// # Safety
/// `forwarder` is live.
pub unsafe fn start<N, S>(
    forwarder: *mut Forwarder<N, S>,
    port: c_int,
    callback: Option<RtcpCallback<N, S>>,
) -> c_int {
    // SAFETY: promised by the caller.
    let alive = unsafe { is_live(forwarder) };
    // SAFETY: as above; modules set RTCP up before they share the forwarder.
    let face = unsafe { &mut *forwarder };
    let Some(remote_port) = u16::try_from(port).ok().filter(|port| *port > 0) else { return -1 };
    if !alive || face.is_data != FALSE || face.rtcp_fd > -1 {
        return -1;
    }
    let receiver = SocketAddr::new(face.receiver().ip(), remote_port);
    let (socket, local_port) = match open(receiver) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!("RTP forwarder {}: no socket for RTCP: {error}", face.stream_id);
            return -6;
        }
    };
    let mut introduction = [0; HEADER];
    introduction[0] = 0x80;
    for _ in 0..2 {
        if let Err(error) = socket.send_to(&introduction, receiver) {
            tracing::warn!("RTP forwarder {}: {receiver}: {error}", face.stream_id);
        }
    }
    face.rtcp_callback = callback;
    face.rtcp_fd = socket.into_raw_fd();
    (face.local_rtcp_port, face.remote_rtcp_port) = (local_port, remote_port);
    // SAFETY: new objects; the source keeps the channel, and a reference of the forwarder until it ends.
    unsafe {
        let channel = sys::g_io_channel_unix_new(face.rtcp_fd);
        let source = sys::g_io_create_watch(channel, sys::G_IO_IN);
        sys::g_io_channel_unref(channel);
        refcount::increase(&raw mut face.r#ref);
        let receive: Watch = receive::<N, S>;
        // A GIOFunc, which GLib takes in the guise of a GSourceFunc.
        let receive = std::mem::transmute::<Watch, unsafe extern "C" fn(*mut c_void) -> gboolean>(receive);
        sys::g_source_set_callback(source, Some(receive), forwarder.cast(), Some(release::<N, S>));
        face.rtcp_recv = source;
        if let Err(error) = Loop::attach(source) {
            tracing::error!("RTP forwarder {}: no thread for RTCP: {error}", face.stream_id);
            face.rtcp_recv = ptr::null_mut();
            stop(source);
            drop(UdpSocket::from_raw_fd(std::mem::replace(&mut face.rtcp_fd, -1)));
            return -6;
        }
    }
    0
}

/// A free port of the receiver's address family.
fn open(receiver: SocketAddr) -> std::io::Result<(UdpSocket, u16)> {
    let any: SocketAddr = match receiver {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.port();
    Ok((socket, port))
}

type Watch = unsafe extern "C" fn(*mut sys::GIOChannel, c_uint, *mut c_void) -> gboolean;

/// On the thread, one datagram at a time.
unsafe extern "C" fn receive<N, S>(_: *mut sys::GIOChannel, _: c_uint, data: *mut c_void) -> gboolean {
    let forwarder = data.cast::<Forwarder<N, S>>();
    entry::guard("rtcpfwd", TRUE, || {
        let mut buffer = [0u8; RTCP_MAX];
        // SAFETY: the source holds a reference of the forwarder; the socket is closed with it.
        unsafe {
            let got =
                libc::recv((*forwarder).rtcp_fd, buffer.as_mut_ptr().cast(), RTCP_MAX, libc::MSG_DONTWAIT);
            let Some(packet) = usize::try_from(got).ok().and_then(|len| buffer.get_mut(..len)) else {
                return TRUE;
            };
            if let Some(callback) =
                (*forwarder).rtcp_callback.filter(|_| is_live(forwarder) && rtcp::is_rtcp(packet))
            {
                callback(forwarder, packet.as_mut_ptr().cast(), packet.len() as c_int);
            }
        }
        TRUE
    })
}

unsafe extern "C" fn release<N, S>(forwarder: *mut c_void) {
    // SAFETY: the reference that `start` took for the source.
    unsafe { refcount::decrease(&raw mut (*forwarder.cast::<Forwarder<N, S>>()).r#ref) }
}
