//! SRTP and SRTCP: hostile packets are refused and leave no state; what we protect we can unprotect.
#![no_main]

use janus_rs::media::srtp::{Profile, Session};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for profile in Profile::ALL {
        let mut receiver = session(profile);
        assert!(receiver.unprotect_rtp(&mut data.to_vec()).is_err(), "a forgery was believed");
        assert!(receiver.unprotect_rtcp(&mut data.to_vec()).is_err(), "a forgery was believed");
        assert_eq!(receiver.streams(), 0);

        let mut sender = session(profile);
        let mut packet = data.to_vec();
        packet.resize(data.len() + profile.rtp_overhead(), 0);
        if let Ok(len) = sender.protect_rtp(&mut packet, data.len()) {
            let len = receiver.unprotect_rtp(&mut packet[..len]).expect("ours");
            assert_eq!(&packet[..len], data);
        }
        let mut packet = data.to_vec();
        packet.resize(data.len() + profile.rtcp_overhead(), 0);
        if let Ok(len) = sender.protect_rtcp(&mut packet, data.len()) {
            let len = receiver.unprotect_rtcp(&mut packet[..len]).expect("ours");
            assert_eq!(&packet[..len], data);
        }
        let mut short = data.to_vec();
        let _ = sender.protect_rtp(&mut short, data.len());
        let _ = sender.protect_rtcp(&mut short, data.len());
    }
});

fn session(profile: Profile) -> Session {
    Session::new(profile, &vec![1; profile.key_len()], &vec![2; profile.salt_len()]).expect("keys")
}
