//! Protection profiles (RFC 5764 §4.1.2, RFC 7714 §14.2).

/// What protects the packets of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    AeadAes128Gcm,
    AeadAes256Gcm,
    Aes128CmSha1_80,
    Aes128CmSha1_32,
}

impl Profile {
    /// By our preference. AES-128-GCM costs a fifth of AES-CM with HMAC-SHA1, which ends the list.
    pub const ALL: [Profile; 4] =
        [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::Aes128CmSha1_80, Profile::Aes128CmSha1_32];

    /// IANA's name, as reported in handle_info.
    pub fn name(self) -> &'static str {
        match self {
            Profile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Profile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
            Profile::Aes128CmSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
            Profile::Aes128CmSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
        }
    }

    /// OpenSSL's name, for `use_srtp`.
    pub fn openssl_name(self) -> &'static str {
        match self {
            Profile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Profile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
            Profile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
            Profile::Aes128CmSha1_32 => "SRTP_AES128_CM_SHA1_32",
        }
    }

    /// The number in the `use_srtp` extension.
    pub fn id(self) -> u16 {
        match self {
            Profile::Aes128CmSha1_80 => 1,
            Profile::Aes128CmSha1_32 => 2,
            Profile::AeadAes128Gcm => 7,
            Profile::AeadAes256Gcm => 8,
        }
    }

    pub fn from_id(id: u16) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.id() == id)
    }

    /// Bytes of the master key.
    pub fn key_len(self) -> usize {
        match self {
            Profile::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Bytes of the master salt.
    pub fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Bytes an RTP packet grows by.
    pub fn rtp_overhead(self) -> usize {
        match self {
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => 16,
            Profile::Aes128CmSha1_80 => 10,
            Profile::Aes128CmSha1_32 => 4,
        }
    }

    /// Bytes an RTCP packet grows by: the tag, which AES-CM-32 has at 80 bits (RFC 5764 §4.1.2, MP-134), and the index.
    pub fn rtcp_overhead(self) -> usize {
        if self.is_aead() { 16 + 4 } else { 10 + 4 }
    }

    pub(super) fn is_aead(self) -> bool {
        matches!(self, Profile::AeadAes128Gcm | Profile::AeadAes256Gcm)
    }
}
