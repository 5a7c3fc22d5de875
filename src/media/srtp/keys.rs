//! Key derivation, RFC 3711 §4.3 with a key derivation rate of 0.

use super::{Profile, SrtpError};
use aes::{Aes128, Aes256};
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::{Zeroize, Zeroizing};

/// Labels of RTP; those of RTCP follow in the same order.
#[derive(Clone, Copy)]
pub(super) enum Use {
    Rtp = 0,
    Rtcp = 3,
}

/// Session keys of RTP or RTCP; overwritten when they are dropped.
pub(super) struct SessionKeys {
    pub key: Vec<u8>,
    /// HMAC-SHA1 key; unused with GCM.
    pub auth: [u8; 20],
    pub salt: Vec<u8>,
}

impl Drop for SessionKeys {
    fn drop(&mut self) {
        self.key.zeroize();
        self.auth.zeroize();
        self.salt.zeroize();
    }
}

/// Derives what `usage` needs from the master key and salt.
pub(super) fn derive(
    profile: Profile,
    usage: Use,
    master_key: &[u8],
    master_salt: &[u8],
) -> Result<SessionKeys, SrtpError> {
    if master_key.len() != profile.key_len() || master_salt.len() != profile.salt_len() {
        return Err(SrtpError::Key);
    }
    let label = usage as u8;
    let mut keys =
        SessionKeys { key: vec![0; profile.key_len()], auth: [0; 20], salt: vec![0; profile.salt_len()] };
    prf(master_key, master_salt, label, &mut keys.key);
    prf(master_key, master_salt, label + 1, &mut keys.auth);
    prf(master_key, master_salt, label + 2, &mut keys.salt);
    Ok(keys)
}

/// AES-CM keystream from IV = (salt XOR label·2^48)·2^16. GCM's 96-bit salt stands left-aligned in the 112 bits
/// (RFC 7714 §11). `out` comes in as zeros.
fn prf(key: &[u8], salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = Zeroizing::new([0; 16]);
    iv[..salt.len()].copy_from_slice(salt);
    iv[7] ^= label;
    if let Ok(mut stream) = ctr::Ctr128BE::<Aes128>::new_from_slices(key, &*iv) {
        stream.apply_keystream(out);
    } else if let Ok(mut stream) = ctr::Ctr128BE::<Aes256>::new_from_slices(key, &*iv) {
        stream.apply_keystream(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::srtp::tests::hex;

    // RFC 3711 B.3
    #[test]
    fn key_derivation_of_rfc_3711() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let keys = derive(Profile::Aes128CmSha1_80, Use::Rtp, &key, &salt).unwrap();
        assert_eq!(keys.key, hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(keys.salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
        // The first 20 of the vector's 94 bytes.
        assert_eq!(keys.auth[..], hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn wrong_lengths_are_refused() {
        for profile in Profile::ALL {
            let (key, salt) = (vec![0; profile.key_len()], vec![0; profile.salt_len()]);
            assert!(derive(profile, Use::Rtcp, &key, &salt).is_ok());
            assert_eq!(derive(profile, Use::Rtcp, &key[1..], &salt).err(), Some(SrtpError::Key));
            assert_eq!(derive(profile, Use::Rtcp, &key, &salt[1..]).err(), Some(SrtpError::Key));
        }
    }
}
