//! Sends back what it receives, through the crate `janus-plugin`. Its structs end before those of C do, and its RTP packet
//! of 24 bytes is handed over at the very end of a readable page: whoever reads on ends the process.

use janus_plugin::sdp::{AudioCodec, MediaDirection, OfferAnswerParameters, Sdp, VideoCodec};
use janus_plugin::{
    answer_sdp, build_plugin, export_plugin, JanssonDecodingFlags, JanssonEncodingFlags, JanssonValue,
    LibraryMetadata, Plugin, PluginCallbacks, PluginDataPacket, PluginResult, PluginRtcpPacket,
    PluginRtpExtensions, PluginRtpPacket, PluginSession, RawJanssonValue, RawPluginResult, SessionWrapper,
};
use std::ffi::{CStr, CString};
use std::mem::size_of;
use std::os::raw::{c_char, c_int};
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

type Session = SessionWrapper<State>;

#[derive(Debug, Default)]
struct State {
    packets: AtomicI64,
    control: AtomicI64,
    messages: AtomicI64,
    ready: AtomicI64,
    slow_links: AtomicI64,
}

static CORE: AtomicPtr<PluginCallbacks> = AtomicPtr::new(ptr::null_mut());
/// Where the packet lies that is handed over, one at a time.
static EDGE: Mutex<usize> = Mutex::new(0);

fn core() -> &'static PluginCallbacks {
    unsafe { &*CORE.load(Ordering::Acquire) }
}

/// The last bytes of a page whose successor cannot be read.
fn edge(bytes: usize) -> usize {
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let pages =
            libc::mmap(ptr::null_mut(), 2 * page, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        assert!(pages != libc::MAP_FAILED);
        assert_eq!(libc::mprotect(pages.cast::<u8>().add(page).cast(), page, libc::PROT_NONE), 0);
        pages as usize + page - bytes
    }
}

extern "C" fn init(callbacks: *mut PluginCallbacks, _folder: *const c_char) -> c_int {
    assert_eq!(size_of::<PluginRtpPacket>(), 24);
    CORE.store(callbacks, Ordering::Release);
    *EDGE.lock().unwrap() = edge(size_of::<PluginRtpPacket>());
    0
}

extern "C" fn destroy() {}

extern "C" fn create_session(handle: *mut PluginSession, _error: *mut c_int) {
    let session = unsafe { Session::associate(handle, State::default()) };
    std::mem::forget(session.unwrap());
}

extern "C" fn destroy_session(handle: *mut PluginSession, _error: *mut c_int) {
    drop(unsafe { Box::from_raw((*handle).plugin_handle.cast::<Arc<Session>>()) });
}

fn session(handle: *mut PluginSession) -> Arc<Session> {
    unsafe { Session::from_ptr(handle) }.unwrap()
}

fn json(value: &serde_json::Value) -> JanssonValue {
    JanssonValue::from_str(&value.to_string(), JanssonDecodingFlags::empty()).unwrap()
}

fn report(session: &Session) -> serde_json::Value {
    let count = |counter: &AtomicI64| counter.load(Ordering::Relaxed);
    serde_json::json!({
        "packets": count(&session.packets), "control": count(&session.control), "messages": count(&session.messages),
        "ready": count(&session.ready), "slow_links": count(&session.slow_links),
    })
}

extern "C" fn query_session(handle: *mut PluginSession) -> *mut RawJanssonValue {
    json(&report(&session(handle))).into_raw()
}

fn answer(offer: &str) -> String {
    let offer = Sdp::parse(&CString::new(offer).unwrap()).unwrap();
    let answer = answer_sdp!(
        offer,
        OfferAnswerParameters::Audio,
        1,
        OfferAnswerParameters::AudioCodec,
        AudioCodec::Opus.to_cstr().as_ptr(),
        OfferAnswerParameters::AudioDirection,
        MediaDirection::JANUS_SDP_SENDRECV,
        OfferAnswerParameters::Video,
        1,
        OfferAnswerParameters::VideoCodec,
        VideoCodec::Vp8.to_cstr().as_ptr(),
        OfferAnswerParameters::VideoDirection,
        MediaDirection::JANUS_SDP_SENDRECV,
        OfferAnswerParameters::Data,
        1,
    );
    answer.to_glibstring().to_string_lossy().into_owned()
}

extern "C" fn handle_message(
    handle: *mut PluginSession,
    transaction: *mut c_char,
    message: *mut RawJanssonValue,
    jsep: *mut RawJanssonValue,
) -> *mut RawPluginResult {
    let (message, jsep) = unsafe { (JanssonValue::from_raw(message), JanssonValue::from_raw(jsep)) };
    drop(message);
    let jsep: Option<serde_json::Value> = jsep.map(|jsep| {
        serde_json::from_str(&jsep.to_libcstring(JanssonEncodingFlags::empty()).to_string_lossy()).unwrap()
    });
    let answer = jsep
        .as_ref()
        .and_then(|jsep| jsep["sdp"].as_str())
        .map(|offer| json(&serde_json::json!({ "type": "answer", "sdp": answer(offer) })));
    let mut event = json(&serde_json::json!({ "report": report(&session(handle)) }));
    let mut answer = answer;
    let jsep = answer.as_mut().map_or(ptr::null_mut(), |jsep| jsep.as_mut_ref() as *mut _);
    (core().push_event)(handle, create() as *mut _, transaction, event.as_mut_ref(), jsep);
    unsafe { libc::free(transaction.cast()) };
    PluginResult::ok_wait(None).into_raw()
}

extern "C" fn handle_admin_message(_message: *mut RawJanssonValue) -> *mut RawJanssonValue {
    json(&serde_json::json!({ "binding": "janus-plugin" })).into_raw()
}

extern "C" fn setup_media(_handle: *mut PluginSession) {}

extern "C" fn hangup_media(_handle: *mut PluginSession) {}

extern "C" fn incoming_rtp(handle: *mut PluginSession, packet: *mut PluginRtpPacket) {
    session(handle).packets.fetch_add(1, Ordering::Relaxed);
    let edge = EDGE.lock().unwrap();
    let own = *edge as *mut PluginRtpPacket;
    unsafe {
        // All of what C takes for the flag, which is longer than this one.
        ptr::write_bytes(own.cast::<u8>(), 0, size_of::<PluginRtpPacket>());
        (*own).video = (*packet).video;
        (*own).buffer = (*packet).buffer;
        (*own).length = (*packet).length;
        (*own).extensions = PluginRtpExtensions {
            audio_level: -1,
            audio_level_vad: 0,
            video_rotation: -1,
            video_back_camera: 0,
            video_flipped: 0,
        };
    }
    (core().relay_rtp)(handle, own);
}

extern "C" fn incoming_rtcp(handle: *mut PluginSession, packet: *mut PluginRtcpPacket) {
    session(handle).control.fetch_add(1, Ordering::Relaxed);
    (core().relay_rtcp)(handle, packet);
}

extern "C" fn incoming_data(handle: *mut PluginSession, packet: *mut PluginDataPacket) {
    session(handle).messages.fetch_add(1, Ordering::Relaxed);
    (core().relay_data)(handle, packet);
}

extern "C" fn data_ready(handle: *mut PluginSession) {
    session(handle).ready.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn slow_link(handle: *mut PluginSession, _uplink: c_int, _video: c_int) {
    session(handle).slow_links.fetch_add(1, Ordering::Relaxed);
}

const fn text(bytes: &'static [u8]) -> &'static CStr {
    match CStr::from_bytes_with_nul(bytes) {
        Ok(text) => text,
        Err(_) => panic!("no NUL at the end"),
    }
}

const METADATA: LibraryMetadata<'static> = LibraryMetadata {
    api_version: 15,
    version: 1,
    version_str: text(b"0.0.1\0"),
    description: text(b"By an independent binding.\0"),
    name: text(b"Dialect of a binding\0"),
    author: text(b"libjanus_rs\0"),
    package: text(b"org.example.binding\0"),
};

static PLUGIN: Plugin = build_plugin!(
    METADATA,
    init,
    destroy,
    create_session,
    handle_message,
    handle_admin_message,
    setup_media,
    incoming_rtp,
    incoming_rtcp,
    incoming_data,
    data_ready,
    slow_link,
    hangup_media,
    destroy_session,
    query_session
);

export_plugin!(&PLUGIN);
