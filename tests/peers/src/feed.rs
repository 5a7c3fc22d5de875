//! A publisher of a videoroom (`str0m`) that remembers what it sent.

use crate::api::Handle;
use crate::canned::{OPUS_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE, opus, vp8};
use crate::exact::Packet;
use crate::home;
use crate::str0m_peer::Str0mPeer;
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// From frame to frame.
pub const FRAME: Duration = Duration::from_millis(20);
/// Bytes of a full packet of video.
const FULL: usize = 1150;

/// Numbers wrap soon after the start.
const FIRST_SEQUENCE: u64 = 65_500;
const FIRST_TIMESTAMP: u32 = u32::MAX - 50_000;

/// What was sent of one medium, and what comes next.
struct Track {
    sent: Vec<Packet>,
    sequence: u64,
    timestamp: u32,
}

impl Default for Track {
    fn default() -> Self {
        Track { sent: vec![], sequence: FIRST_SEQUENCE, timestamp: FIRST_TIMESTAMP }
    }
}

#[derive(Default)]
struct Tracks {
    audio: Track,
    video: Track,
    frames: u32,
}

/// It vanishes with the value.
pub struct Feed {
    pub handle: Handle,
    pub id: u64,
    pub peer: Str0mPeer,
    tracks: Mutex<Tracks>,
}

impl Feed {
    /// Publishes audio and video, and waits until the room knows.
    pub async fn publish(handle: Handle, room: u64, id: u64) -> Self {
        let join = json!({"request": "join", "ptype": "publisher", "room": room, "id": id});
        handle.message(join, None).await;
        let (peer, offer) = Str0mPeer::media_only(home()).await;
        let answer = handle.offer(json!({"request": "publish"}), &offer).await;
        peer.accept(&answer);
        handle.event("webrtcup").await;
        Feed { handle, id, peer, tracks: Mutex::default() }
    }

    /// Sends for as long as `frames` frames take: with each a packet of audio, and video of one to ten packets.
    pub async fn run(&self, frames: u32) {
        let mut every = interval(FRAME);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..frames {
            every.tick().await;
            self.send_audio();
            self.send_frame(true);
        }
    }

    /// Sends until the future is dropped.
    pub async fn run_on(&self) {
        loop {
            self.run(u32::MAX).await;
        }
    }

    pub fn send_audio(&self) {
        let mut tracks = self.tracks.lock().unwrap();
        let number = tracks.frames;
        let payload = self.fill(opus(number).to_vec(), 3 + number as usize % 200, number);
        self.send(&mut tracks.audio, OPUS_PAYLOAD_TYPE, true, payload);
        tracks.audio.timestamp = tracks.audio.timestamp.wrapping_add(960);
    }

    /// Sends one frame of video; without its last packet unless it is `complete`. All packets but the last are of the same
    /// length, as encoders have it.
    pub fn send_frame(&self, complete: bool) {
        let mut tracks = self.tracks.lock().unwrap();
        let number = tracks.frames;
        let packets = 1 + number % 10;
        for index in 0..packets {
            let last = index + 1 == packets;
            let start = if index == 0 { vp8(number).to_vec() } else { vec![0] };
            let length = if last { FULL - number as usize * 7 % 1000 } else { FULL };
            let payload = self.fill(start, length, number << 8 | index);
            if complete || !last {
                self.send(&mut tracks.video, VP8_PAYLOAD_TYPE, last, payload);
            }
        }
        tracks.video.timestamp = tracks.video.timestamp.wrapping_add(1800);
        tracks.frames += 1;
    }

    fn send(&self, track: &mut Track, payload_type: u8, marker: bool, payload: Vec<u8>) {
        self.peer.send_packet(payload_type, track.sequence, track.timestamp, marker, payload.clone());
        let (sequence, timestamp) = (track.sequence as u16, track.timestamp);
        track.sent.push(Packet { sequence, timestamp, marker, payload });
        track.sequence += 1;
    }

    /// Lengthens a payload with bytes that no other packet has.
    fn fill(&self, mut payload: Vec<u8>, length: usize, seed: u32) -> Vec<u8> {
        let mut state = self.id << 32 | u64::from(seed);
        payload.resize_with(length.max(payload.len()), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        payload
    }

    /// What was sent so far: audio, video.
    pub fn sent(&self) -> [Vec<Packet>; 2] {
        let tracks = self.tracks.lock().unwrap();
        [tracks.audio.sent.clone(), tracks.video.sent.clone()]
    }

    /// Requests for key frames that arrived so far.
    pub fn keyframe_requests(&self) -> usize {
        self.peer.received().keyframe_requests
    }
}
