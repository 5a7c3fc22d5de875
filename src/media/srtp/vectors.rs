//! The published vectors. They start from session keys, not from the master key.

use super::cipher::{Cipher, Cm, Gcm};
use super::keys::SessionKeys;
use super::tests::hex;
use super::*;
use ring::aead;

const RTP: &str = "8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e6973206469766973612069
    6e207061727465732074726573";
const RTCP: &str = "81c8000d4d617273 4e5450314e5450325254502 00000042a0000e9304c756e61
    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

fn gcm(algorithm: &'static aead::Algorithm, key: &str) -> Gcm {
    let keys = SessionKeys { key: hex(key), auth: [0; 20], salt: hex("517569642070726f2071756f") };
    Gcm::new(algorithm, &keys).unwrap()
}

fn gcm_session(profile: Profile, algorithm: &'static aead::Algorithm, key: &str) -> Session {
    Session::with_ciphers(profile, Cipher::Gcm(gcm(algorithm, key)), Cipher::Gcm(gcm(algorithm, key)))
}

fn check(profile: Profile, algorithm: &'static aead::Algorithm, key: &str, srtp: &str, srtcp: &str) {
    let session = || gcm_session(profile, algorithm, key);

    let mut packet = hex(RTP);
    let len = packet.len();
    packet.resize(len + profile.rtp_overhead(), 0);
    session().protect_rtp(&mut packet, len).unwrap();
    assert_eq!(packet, hex(srtp));
    assert_eq!(session().unprotect_rtp(&mut packet), Ok(len));
    assert_eq!(packet[..len], hex(RTP));

    let mut packet = hex(RTCP);
    let len = packet.len();
    packet.resize(len + profile.rtcp_overhead(), 0);
    let mut sender = session();
    sender.set_next_rtcp(0x5d4);
    sender.protect_rtcp(&mut packet, len).unwrap();
    assert_eq!(packet, hex(srtcp));
    assert_eq!(session().unprotect_rtcp(&mut packet), Ok(len));
    assert_eq!(packet[..len], hex(RTCP));
}

// RFC 7714 §16.1.1, §16.1.2, §17.1
#[test]
fn aes_128_gcm() {
    check(
        Profile::AeadAes128Gcm,
        &aead::AES_128_GCM,
        "000102030405060708090a0b0c0d0e0f",
        "8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b
         36de3adf8833899d7f27beb16a9152cf765ee4390cce",
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b46
         86303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    );
}

// RFC 7714 §16.2.1, §16.2.2, §17.2
#[test]
fn aes_256_gcm() {
    check(
        Profile::AeadAes256Gcm,
        &aead::AES_256_GCM,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f
         1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
        "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658
         c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
    );
}

// RFC 7714 §17.1.3: authenticated, but not encrypted.
#[test]
fn plain_srtcp_is_refused() {
    let mut session =
        gcm_session(Profile::AeadAes128Gcm, &aead::AES_128_GCM, "000102030405060708090a0b0c0d0e0f");
    let mut packet = hex(RTCP);
    packet.extend(hex("841dd9683dd78ec92ae58790125f62b3000005d4"));
    assert_eq!(session.unprotect_rtcp(&mut packet), Err(SrtpError::NotEncrypted));
}

// RFC 3711 B.2
#[test]
fn aes_cm_keystream() {
    let keys = SessionKeys {
        key: hex("2B7E151628AED2A6ABF7158809CF4F3C"),
        auth: [0; 20],
        salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    };
    let mut stream = vec![0; 0xff02 * 16];
    Cm::new(&keys).unwrap().apply(0, 0, &mut stream);
    assert_eq!(
        stream[..48],
        hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
             41E95B3BB0A2E8DD477901E4FCA894C0")
    );
    assert_eq!(
        stream[0xfeff * 16..],
        hex("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE
             6A2CC3787889374FBEB4C81B17BA6C44")
    );
}
