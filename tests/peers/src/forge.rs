//! Datagrams of somebody who is not part of the call.

use crate::stun::{BINDING_REQUEST, ICE_CONTROLLING, Integrity, PRIORITY, USE_CANDIDATE, USERNAME, message};

/// A connectivity check (RFC 8445 §7.1) with a nomination, for `username`, whose MESSAGE-INTEGRITY nobody computed.
pub fn connectivity_check(username: &str) -> Vec<u8> {
    let attributes: [(u16, &[u8]); 4] = [
        (USERNAME, username.as_bytes()),
        (PRIORITY, &0x6e7f_1eff_u32.to_be_bytes()),
        (USE_CANDIDATE, &[]),
        (ICE_CONTROLLING, &[9; 8]),
    ];
    message(BINDING_REQUEST, [7; 12], &attributes, Integrity::Forged)
}

/// A ClientHello of DTLS 1.2 without cookie (RFC 6347 §4.2).
pub fn client_hello() -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([0x42; 32]); // random
    hello.extend([0, 0]); // no session, no cookie
    hello.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f]); // ECDHE-ECDSA and ECDHE-RSA with AES-128-GCM
    hello.extend([1, 0]); // no compression
    let extensions: &[&[u8]] = &[
        &[0, 10, 0, 4, 0, 2, 0, 23],         // supported_groups: P-256
        &[0, 11, 0, 2, 1, 0],                // ec_point_formats: uncompressed
        &[0, 13, 0, 6, 0, 4, 4, 3, 4, 1],    // signature_algorithms
        &[0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0], // use_srtp: AEAD_AES_128_GCM, AES-CM-128-HMAC-SHA1-80
    ];
    let extensions = extensions.concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let length = (hello.len() as u32).to_be_bytes();
    let mut handshake =
        vec![1, length[1], length[2], length[3], 0, 0, 0, 0, 0, length[1], length[2], length[3]];
    handshake.extend(hello);
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend((handshake.len() as u16).to_be_bytes());
    record.extend(handshake);
    record
}

/// An RTP packet of a stream, "encrypted" with a guess.
pub fn srtp(payload_type: u8, ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend(u32::from(sequence).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..100).map(|index| (index * 37 + sequence) as u8));
    packet
}

/// A receiver report and a BYE of a stream, "encrypted" with a guess.
pub fn srtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 203, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x80, 0, 0, 1]); // E flag and index
    packet.extend([0xa5; 16]);
    packet
}
