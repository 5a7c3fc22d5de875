use super::*;

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// Sender and receiver with the same keys.
fn pair(profile: Profile) -> (Session, Session) {
    let key: Vec<u8> = (1..=profile.key_len() as u8).collect();
    let salt: Vec<u8> = (101..=100 + profile.salt_len() as u8).collect();
    (Session::new(profile, &key, &salt).unwrap(), Session::new(profile, &key, &salt).unwrap())
}

/// One CSRC and an extension of two words.
fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x91, 0x60, (sequence >> 8) as u8, sequence as u8, 1, 2, 3, 4];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([9, 9, 9, 9, 0xbe, 0xde, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2]);
    packet.extend((0..100).map(|i| i as u8 ^ sequence as u8));
    packet
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 200, 0, 6];
    packet.extend(ssrc.to_be_bytes());
    packet.extend(0..20);
    packet
}

fn sent_rtp(session: &mut Session, mut packet: Vec<u8>) -> Result<Vec<u8>, SrtpError> {
    let len = packet.len();
    packet.resize(len + session.profile().rtp_overhead(), 0);
    let total = session.protect_rtp(&mut packet, len)?;
    assert_eq!(total, packet.len());
    Ok(packet)
}

fn sent_rtcp(session: &mut Session, mut packet: Vec<u8>) -> Vec<u8> {
    let len = packet.len();
    packet.resize(len + session.profile().rtcp_overhead(), 0);
    assert_eq!(session.protect_rtcp(&mut packet, len), Ok(packet.len()));
    packet
}

#[test]
fn round_trips_and_replays() {
    // MP-154
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for sequence in [7, 8, 10, 9] {
            let plain = rtp(0x1234, sequence);
            let sealed = sent_rtp(&mut sender, plain.clone()).unwrap();
            assert_eq!(sealed[..28], plain[..28], "header and extensions stay readable");
            assert_ne!(sealed[28..plain.len()], plain[28..]);
            let mut packet = sealed.clone();
            assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(plain.len()));
            assert_eq!(packet[..plain.len()], plain);
            assert_eq!(receiver.unprotect_rtp(&mut sealed.clone()), Err(SrtpError::Replay));
        }
        for _ in 0..3 {
            let sealed = sent_rtcp(&mut sender, rtcp(5));
            let mut packet = sealed.clone();
            assert_eq!(receiver.unprotect_rtcp(&mut packet), Ok(28));
            assert_eq!(packet[..28], rtcp(5));
            assert_eq!(receiver.unprotect_rtcp(&mut sealed.clone()), Err(SrtpError::Replay));
        }
    }
}

#[test]
fn lengths_of_the_profiles() {
    // MP-134: RTCP of AES-CM-32 keeps the 80-bit tag.
    let overheads = Profile::ALL.map(|p| (p.name(), p.rtp_overhead(), p.rtcp_overhead()));
    assert_eq!(overheads[0], ("SRTP_AEAD_AES_128_GCM", 16, 20));
    assert_eq!(overheads[1], ("SRTP_AEAD_AES_256_GCM", 16, 20));
    assert_eq!(overheads[2], ("SRTP_AES128_CM_HMAC_SHA1_80", 10, 14));
    assert_eq!(overheads[3], ("SRTP_AES128_CM_HMAC_SHA1_32", 4, 14));
    assert_eq!(Profile::ALL.map(|p| Profile::from_id(p.id())), Profile::ALL.map(Some));
    assert_eq!(Profile::from_id(5), None);
}

#[test]
fn a_sequence_number_is_never_sealed_twice() {
    for profile in Profile::ALL {
        let (mut sender, _) = pair(profile);
        sent_rtp(&mut sender, rtp(1, 5)).unwrap();
        assert_eq!(sent_rtp(&mut sender, rtp(1, 5)), Err(SrtpError::Replay));
        assert!(sent_rtp(&mut sender, rtp(2, 5)).is_ok(), "another SSRC (RTX) counts for itself");
    }
}

#[test]
fn each_ssrc_rolls_over_for_itself() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        for n in 0..4 {
            // The receiver does not see those that roll over.
            sent_rtp(&mut sender, rtp(3, 65_534_u16.wrapping_add(n))).unwrap();
            let plain = rtp(4, 10 + n);
            let mut packet = sent_rtp(&mut sender, plain.clone()).unwrap();
            assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(plain.len()), "{profile:?} {n}");
        }
        assert_eq!((sender.streams(), receiver.streams()), (2, 1));
    }
}

#[test]
fn the_roll_over_counter_counts_on_both_sides() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut kept = Vec::new();
        // One in ten packets arrives, across the wraps at 65536 and 131072; once out of order.
        for n in (0..140_000u32).step_by(10) {
            let sealed = sent_rtp(&mut sender, rtp(1, n as u16)).unwrap();
            if n == 65_530 {
                kept = sealed;
                continue;
            }
            assert!(receiver.unprotect_rtp(&mut sealed.clone()).is_ok(), "{n}");
            if n == 65_540 {
                assert!(receiver.unprotect_rtp(&mut kept).is_ok());
            }
        }
    }
}

#[test]
fn any_changed_bit_fails_and_leaves_no_trace() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let sealed = sent_rtp(&mut sender, rtp(1, 1)).unwrap();
        let control = sent_rtcp(&mut sender, rtcp(1));
        for bit in 0..sealed.len() * 8 {
            let mut packet = sealed.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.unprotect_rtp(&mut packet).is_err(), "{profile:?} {bit}");
        }
        for bit in 0..control.len() * 8 {
            let mut packet = control.clone();
            packet[bit / 8] ^= 1 << (bit % 8);
            assert!(receiver.unprotect_rtcp(&mut packet).is_err(), "{profile:?} {bit}");
        }
        assert_eq!(receiver.streams(), 0);
        assert!(receiver.unprotect_rtp(&mut sealed.clone()).is_ok());
        assert!(receiver.unprotect_rtcp(&mut control.clone()).is_ok());
    }
}

#[test]
fn short_and_lying_packets_are_malformed() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let sealed = sent_rtp(&mut sender, rtp(1, 1)).unwrap();
        for len in 0..sealed.len() {
            assert!(receiver.unprotect_rtp(&mut sealed[..len].to_vec()).is_err());
            assert!(receiver.unprotect_rtcp(&mut sealed[..len].to_vec()).is_err());
        }
        // An extension that ends behind the packet; 15 CSRCs in 12 bytes.
        let mut lying = rtp(1, 2);
        lying[18..20].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(sent_rtp(&mut sender, lying.clone()), Err(SrtpError::Malformed));
        assert_eq!(receiver.unprotect_rtp(&mut lying), Err(SrtpError::Malformed));
        let mut csrcs = rtp(1, 2)[..12].to_vec();
        csrcs[0] = 0x8f;
        assert_eq!(sent_rtp(&mut sender, csrcs), Err(SrtpError::Malformed));

        let mut tight = rtp(1, 3);
        let len = tight.len();
        assert_eq!(sender.protect_rtp(&mut tight, len), Err(SrtpError::NoRoom));
        assert_eq!(sender.protect_rtp(&mut tight, len + 1), Err(SrtpError::Malformed));
        assert_eq!(sender.protect_rtcp(&mut tight, len), Err(SrtpError::NoRoom));
    }
}

#[test]
fn ssrcs_are_bounded() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..MAX_STREAMS as u32 {
        let mut packet = sent_rtp(&mut sender, rtp(ssrc, 1)).unwrap();
        receiver.unprotect_rtp(&mut packet).unwrap();
    }
    assert_eq!(sent_rtp(&mut sender, rtp(u32::MAX, 1)), Err(SrtpError::TooManyStreams));
    assert!(sent_rtp(&mut sender, rtp(0, 2)).is_ok());
    assert_eq!(receiver.streams(), MAX_STREAMS);
}

#[test]
fn rtcp_stops_at_31_bits() {
    let (mut sender, mut receiver) = pair(Profile::Aes128CmSha1_80);
    sender.set_next_rtcp((1 << 31) - 1);
    assert!(receiver.unprotect_rtcp(&mut sent_rtcp(&mut sender, rtcp(1))).is_ok());
    let mut packet = rtcp(1);
    packet.resize(100, 0);
    assert_eq!(sender.protect_rtcp(&mut packet, 28), Err(SrtpError::KeyExhausted));
}
