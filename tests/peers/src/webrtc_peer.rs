//! A peer made of the `webrtc` crate: audio, video and a data channel, sent and counted.

use crate::canned::{OPUS_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE, opus, vp8};
use crate::{home, until};
use bytes::{Bytes, BytesMut};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
    register_default_interceptors,
};
use webrtc::runtime::default_runtime;

/// A message of a data channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Text(String),
    Binary(Vec<u8>),
}

/// What came back, in order of arrival.
#[derive(Default)]
pub struct Received {
    pub audio: Mutex<Vec<Bytes>>,
    pub video: Mutex<Vec<Bytes>>,
    pub data: Mutex<Vec<Data>>,
}

impl Received {
    async fn read_track(self: Arc<Self>, track: Arc<dyn TrackRemote>) {
        let kind = track.kind().await;
        while let Some(event) = track.poll().await {
            if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                let list = if kind == RtpCodecKind::Audio { &self.audio } else { &self.video };
                list.lock().unwrap().push(packet.payload);
            }
        }
    }

    async fn read_channel(self: Arc<Self>, channel: Arc<dyn DataChannel>, open: Option<watch::Sender<bool>>) {
        while let Some(event) = channel.poll().await {
            match event {
                DataChannelEvent::OnOpen => {
                    if let Some(open) = &open {
                        open.send_replace(true);
                    }
                }
                DataChannelEvent::OnMessage(message) => {
                    let bytes = message.data.to_vec();
                    self.data.lock().unwrap().push(match message.is_string {
                        true => Data::Text(String::from_utf8(bytes).expect("UTF-8")),
                        false => Data::Binary(bytes),
                    });
                }
                _ => {}
            }
        }
    }
}

struct Events {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    received: Arc<Received>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        tokio::spawn(self.received.clone().read_track(track));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        tokio::spawn(self.received.clone().read_channel(channel, None));
    }
}

/// One outgoing stream of RTP packets.
struct Stream {
    track: TrackLocalStaticRTP,
    ssrc: u32,
    payload_type: u8,
    /// Ticks of the clock from packet to packet.
    step: u32,
    payload: fn(u32) -> Bytes,
}

impl Stream {
    async fn send(&self, number: u32) {
        let header = rtp::header::Header {
            version: 2,
            marker: true,
            payload_type: self.payload_type,
            sequence_number: number as u16,
            timestamp: number * self.step,
            ssrc: self.ssrc,
            ..Default::default()
        };
        let packet = rtp::Packet { header, payload: (self.payload)(number) };
        self.track.write_rtp(packet).await.expect("a connected track");
    }
}

/// A PeerConnection with Opus, VP8 and a data channel named `data`.
pub struct WebrtcPeer {
    connection: Arc<dyn PeerConnection>,
    audio: Arc<Stream>,
    video: Arc<Stream>,
    channel: Arc<dyn DataChannel>,
    open: watch::Receiver<bool>,
    state: watch::Receiver<RTCPeerConnectionState>,
    gathered: watch::Receiver<bool>,
    pub received: Arc<Received>,
}

impl WebrtcPeer {
    pub async fn new() -> Self {
        let (opus_codec, vp8_codec) = (codec(MIME_TYPE_OPUS, 48000, 2), codec(MIME_TYPE_VP8, 90000, 0));
        let mut media = MediaEngine::default();
        for (codec, payload_type, kind) in [
            (&opus_codec, OPUS_PAYLOAD_TYPE, RtpCodecKind::Audio),
            (&vp8_codec, VP8_PAYLOAD_TYPE, RtpCodecKind::Video),
        ] {
            let parameters = RTCRtpCodecParameters { rtp_codec: codec.clone(), payload_type };
            media.register_codec(parameters, kind).expect("a codec");
        }
        let registry = register_default_interceptors(Registry::new(), &mut media).expect("interceptors");
        let received = Arc::new(Received::default());
        let (gathered_sender, gathered) = watch::channel(false);
        let (state_sender, state) = watch::channel(RTCPeerConnectionState::New);
        let connection = PeerConnectionBuilder::new()
            .with_setting_engine(SettingEngineBuilder::new().with_include_loopback_candidate(true).build())
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Events {
                gathered: gathered_sender,
                state: state_sender,
                received: received.clone(),
            }))
            .with_runtime(default_runtime().expect("a runtime"))
            .with_udp_addrs(vec![SocketAddr::from((home(), 0))])
            .build()
            .await
            .expect("a peer connection");
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let stream = async |kind, codec, ssrc, payload_type, step, payload| {
            let stream =
                Arc::new(Stream { track: track(kind, codec, ssrc), ssrc, payload_type, step, payload });
            let track: Arc<dyn TrackLocal> = Arc::new(stream.track.clone());
            connection.add_track(track).await.expect("a track");
            stream
        };
        let audio =
            stream(RtpCodecKind::Audio, opus_codec, 1001, OPUS_PAYLOAD_TYPE, 960, opus as fn(u32) -> Bytes)
                .await;
        let video =
            stream(RtpCodecKind::Video, vp8_codec, 1002, VP8_PAYLOAD_TYPE, 1800, vp8 as fn(u32) -> Bytes)
                .await;
        let channel = connection.create_data_channel("data", None).await.expect("a data channel");
        let (open_sender, open) = watch::channel(false);
        tokio::spawn(received.clone().read_channel(channel.clone(), Some(open_sender)));
        WebrtcPeer { connection, audio, video, channel, open, state, gathered, received }
    }

    /// The offer, with every candidate inside.
    pub async fn offer(&mut self) -> String {
        let offer = self.connection.create_offer(None).await.expect("an offer");
        self.connection.set_local_description(offer).await.expect("a local description");
        self.gathered.wait_for(|done| *done).await.expect("candidates");
        self.connection.local_description().await.expect("a local description").sdp
    }

    pub async fn accept(&self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).expect("an answer");
        self.connection.set_remote_description(answer).await.expect("a remote description");
    }

    /// Until ICE and DTLS are through on this side.
    pub async fn connected(&self) {
        let state = self.state.clone();
        until("connection", async || (*state.borrow() == RTCPeerConnectionState::Connected).then_some(()))
            .await;
    }

    /// Until the data channel is open on this side.
    pub async fn open(&self) {
        let open = self.open.clone();
        until("open data channel", async || open.borrow().then_some(())).await;
    }

    /// Sends one audio and one video packet that carry `number`.
    pub async fn send_media(&self, number: u32) {
        self.audio.send(number).await;
        self.video.send(number).await;
    }

    pub async fn send_data(&self, data: &Data) {
        match data {
            Data::Text(text) => self.channel.send_text(text).await,
            Data::Binary(bytes) => self.channel.send(BytesMut::from(&bytes[..])).await,
        }
        .expect("an open data channel");
    }

    pub async fn close(&self) {
        self.connection.close().await.expect("a peer connection");
    }
}

fn codec(mime_type: &str, clock_rate: u32, channels: u16) -> RTCRtpCodec {
    RTCRtpCodec { mime_type: mime_type.into(), clock_rate, channels, ..Default::default() }
}

fn track(kind: RtpCodecKind, codec: RTCRtpCodec, ssrc: u32) -> TrackLocalStaticRTP {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec,
        ..Default::default()
    };
    TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "stream".into(),
        format!("{kind}"),
        format!("{kind}"),
        kind,
        vec![coding],
    ))
}
