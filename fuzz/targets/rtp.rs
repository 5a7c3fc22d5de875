//! RTP as plugins and the engine read it: header, extensions, payload descriptors, key frames, simulcast, SVC, RED.
#![no_main]

use janus_rs::rtp::header_ext as ext;
use janus_rs::rtp::{
    ExtensionIds, Header, SwitchingContext, VideoCodec, av1, header, is_rtp, keyframe, red, simulcast, svc, vp8, vp9,
};
use libfuzzer_sys::fuzz_target;

const IDS: ExtensionIds = ExtensionIds {
    audio_level: 1,
    abs_send_time: 2,
    transport_wide_cc: 3,
    mid: 4,
    rid: 5,
    repaired_rid: 6,
    abs_capture_time: 7,
    playout_delay: 8,
    orientation: 9,
    dependency_descriptor: 10,
    video_layers: 11,
};

fuzz_target!(|data: &[u8]| {
    is_rtp(data);
    payload(data);
    let mut packet = data.to_vec();
    header_and_extensions(&mut packet);
    layers(&mut packet);
});

/// Everything that looks at a payload alone.
fn payload(data: &[u8]) {
    for codec in (0..6).filter_map(VideoCodec::from_number) {
        keyframe::is_keyframe(codec, data);
    }
    keyframe::h264_keyframe(data, true);
    keyframe::h264_keyframe(data, false);
    keyframe::h264_i_frame(data);
    keyframe::h264_b_frame(data);
    if let Some(found) = vp8::Descriptor::parse(data) {
        assert!(found.len <= data.len());
    }
    let _ = vp9::svc_info(data);
    vp9::has_resolution(data);
    let mut copy = data.to_vec();
    vp8::SimulcastContext::default().update(&mut copy, true);
    red::replace_payload_type(&mut copy, 111);
    if let Some(blocks) = red::blocks(data) {
        let blocks: Vec<_> = blocks.collect();
        let mut buffer = vec![0; data.len()];
        if let Some(len) = red::pack(&mut buffer, blocks.iter().copied()) {
            assert!(len <= data.len());
        }
    }
    let mut av1 = av1::Av1Context::default();
    av1.process(data);
    av1.process(data);
}

fn header_and_extensions(packet: &mut [u8]) {
    let Some(header) = Header::new(&*packet) else { return };
    if let Some(start) = header.payload_start() {
        assert!(start <= packet.len());
    }
    header::payload(packet);
    for element in ext::elements(packet) {
        let data = &packet[element.data];
        ext::audio_level(data);
        ext::orientation(data);
        ext::playout_delay(data);
        ext::abs_send_time(data);
        ext::abs_capture_time(data);
        ext::transport_wide_cc(data);
        ext::text(data);
        let _ = ext::video_layers(data);
    }
    janus_rs::rtp::Extensions::read(packet, &IDS, true);
    janus_rs::rtp::Extensions::read(packet, &IDS, false);
    ext::set_abs_send_time(packet, 2, 77);
    ext::set_transport_wide_cc(packet, 3, 77);
    if let Some(data) = ext::find_mut(packet, 7) {
        ext::put_abs_capture_time(data, 77);
    }
    ext::replace_id(packet, 1, 14);
    ext::replace_id(packet, 2, 200);
}

fn layers(packet: &mut [u8]) {
    let mut numbering = SwitchingContext::default();
    for now in [1_000_000, 1_020_000, 9_000_000] {
        numbering.header_update(packet, true, now);
        numbering.skew_compensate(packet, true, now);
        for codec in (0..6).filter_map(VideoCodec::from_number) {
            let descriptor = ext::find(packet, 10).unwrap_or(&[]).to_vec();
            let seen =
                simulcast::Packet { data: packet, descriptor: &descriptor, codec, rid_ext_id: IDS.rid.into() };
            let mut context = simulcast::SimulcastContext::default();
            let substream = simulcast::substream(&seen, &mut [1, 2, 3], |rid| Some(rid.len() % 4)).unwrap_or(0);
            let (layers, av1) = (&mut context.layers, &mut context.av1);
            layers.process(&seen, substream, Some(av1), Some(&mut numbering), simulcast::Rules::NATIVE, now);
            let mut context = svc::SvcContext::default();
            context.process(packet, &descriptor, codec, None, Some(&mut numbering), now);
        }
    }
}
