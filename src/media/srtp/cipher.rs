//! The two families of transforms, over one packet whose header length and index are known.
//!
//! GCM is `ring`'s. AES-CM is the `aes`/`ctr` crates' and HMAC-SHA1 the `sha1` crate's, both with the processor's own
//! instructions: `ring` has no counter mode, and its SHA-1 is portable code (1200 bytes: 2.9 µs against 0.8 µs).
//!
//! Dropped, salts and the round keys of `aes` are overwritten. What is left in freed memory: `ring`'s keys, which nobody
//! can reach, and the hashed key blocks of `hmac`, which could overwrite itself, but would with each packet's copy too.

use super::keys::{self, SessionKeys, Use};
use super::{Profile, SrtpError};
use aes::Aes128;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use hmac::{Hmac, Mac};
use ring::aead;
use sha1::Sha1;
use zeroize::Zeroize;

pub(super) const GCM_TAG: usize = 16;

/// Keys of one direction of RTP or of RTCP.
pub(super) enum Cipher {
    Gcm(Gcm),
    Cm(Cm),
}

impl Cipher {
    pub fn new(profile: Profile, usage: Use, key: &[u8], salt: &[u8]) -> Result<Cipher, SrtpError> {
        let keys = keys::derive(profile, usage, key, salt)?;
        let algorithm = match profile {
            Profile::AeadAes128Gcm => &aead::AES_128_GCM,
            Profile::AeadAes256Gcm => &aead::AES_256_GCM,
            Profile::Aes128CmSha1_80 | Profile::Aes128CmSha1_32 => {
                return Ok(Cipher::Cm(Cm::new(&keys)?));
            }
        };
        Ok(Cipher::Gcm(Gcm::new(algorithm, &keys)?))
    }
}

/// RFC 7714.
pub(super) struct Gcm {
    key: aead::LessSafeKey,
    /// The salt's first eight bytes and its last four.
    salt: (u64, u32),
}

impl Drop for Gcm {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

impl Gcm {
    pub fn new(algorithm: &'static aead::Algorithm, keys: &SessionKeys) -> Result<Gcm, SrtpError> {
        let key = aead::UnboundKey::new(algorithm, &keys.key).map_err(|_| SrtpError::Key)?;
        let salt: [u8; 12] = keys.salt[..].try_into().map_err(|_| SrtpError::Key)?;
        let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let salt = (word(&salt[..8]), word(&salt[8..]) as u32);
        Ok(Gcm { key: aead::LessSafeKey::new(key), salt })
    }

    /// §8.1 (RTP: `index` is roll-over counter and sequence number) and §9.1 (RTCP): 16 zero bits, SSRC, 48-bit index.
    ///
    /// Made of the two words that `ring` reads it as: written byte by byte, the processor cannot hand it on before all
    /// stores ahead of it, the packet's payload among them, have left its queue (0.1 µs per packet).
    fn nonce(&self, ssrc: u32, index: u64) -> aead::Nonce {
        let first = self.salt.0 ^ (u64::from(ssrc) << 16 | index >> 32);
        let last = self.salt.1 ^ index as u32;
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&first.to_be_bytes());
        nonce[8..].copy_from_slice(&last.to_be_bytes());
        aead::Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypts `body` and returns the tag.
    pub fn seal(&self, ssrc: u32, index: u64, aad: &[u8], body: &mut [u8]) -> Result<aead::Tag, SrtpError> {
        self.key
            .seal_in_place_separate_tag(self.nonce(ssrc, index), aead::Aad::from(aad), body)
            .map_err(|_| SrtpError::Malformed)
    }

    /// Decrypts `body`, which ends with the tag.
    pub fn open(&self, ssrc: u32, index: u64, aad: &[u8], body: &mut [u8]) -> Result<(), SrtpError> {
        self.key
            .open_in_place(self.nonce(ssrc, index), aead::Aad::from(aad), body)
            .map(|_| ())
            .map_err(|_| SrtpError::Authentication)
    }
}

/// RFC 3711 §4.1.1 and §4.2.1.
pub(super) struct Cm {
    aes: Aes128,
    /// With both padded key blocks already hashed.
    hmac: Hmac<Sha1>,
    salt: [u8; 14],
}

impl Drop for Cm {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

impl Cm {
    pub fn new(keys: &SessionKeys) -> Result<Cm, SrtpError> {
        Ok(Cm {
            aes: Aes128::new_from_slice(&keys.key).map_err(|_| SrtpError::Key)?,
            hmac: Hmac::new_from_slice(&keys.auth).map_err(|_| SrtpError::Key)?,
            salt: keys.salt[..].try_into().map_err(|_| SrtpError::Key)?,
        })
    }

    /// Encrypts or decrypts. IV = salt·2^16 XOR SSRC·2^64 XOR index·2^16.
    pub fn apply(&self, ssrc: u32, index: u64, body: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        xor(&mut iv[4..8], &ssrc.to_be_bytes());
        xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
        let core = ctr::CtrCore::<&Aes128, ctr::flavors::Ctr128BE>::inner_iv_init(&self.aes, &iv.into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(body);
    }

    /// HMAC-SHA1 of `packet` and then `suffix` (RTP's roll-over counter), to be truncated.
    pub fn tag(&self, packet: &[u8], suffix: &[u8]) -> [u8; 20] {
        let mut hmac = self.hmac.clone();
        hmac.update(packet);
        hmac.update(suffix);
        hmac.finalize().into_bytes().into()
    }

    /// Compares with the (truncated) `tag`, in constant time.
    pub fn verify(&self, packet: &[u8], suffix: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        let mut hmac = self.hmac.clone();
        hmac.update(packet);
        hmac.update(suffix);
        hmac.verify_truncated_left(tag).map_err(|_| SrtpError::Authentication)
    }
}

fn xor(target: &mut [u8], with: &[u8]) {
    target.iter_mut().zip(with).for_each(|(target, with)| *target ^= with);
}
