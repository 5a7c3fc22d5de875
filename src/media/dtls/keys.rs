//! What a completed handshake yields.
#![forbid(unsafe_code)]

use super::DtlsError;
use super::identity::fingerprint_of;
use crate::media::srtp::{Profile, Session, SrtpError};
use crate::media::types::{Fingerprint, FingerprintHash};
use openssl::ssl::SslRef;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// SRTP master key and salt of one direction; overwritten when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    pub key: Vec<u8>,
    pub salt: Vec<u8>,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

/// Keys do not belong in logs.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

#[derive(Debug)]
pub struct Connected {
    pub profile: Profile,
    /// For what we send.
    pub local: Keys,
    /// For what we receive.
    pub remote: Keys,
    /// The peer's certificate, DER.
    pub peer_certificate: Vec<u8>,
}

impl Connected {
    /// RFC 5764 §4.2: client key, server key, client salt, server salt; the client sends with its own (MP-135).
    pub(super) fn from_ssl(ssl: &SslRef, client: bool) -> Result<Connected, DtlsError> {
        let profile = ssl
            .selected_srtp_profile()
            .and_then(|profile| Profile::from_id(profile.id().as_raw().try_into().ok()?))
            .ok_or(DtlsError::NoProfile)?;
        let certificate = ssl.peer_certificate().ok_or(DtlsError::NoPeerCertificate)?;
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let mut material = Zeroizing::new(vec![0; 2 * (key + salt)]);
        ssl.export_keying_material(&mut material, "EXTRACTOR-dtls_srtp", None)?;
        let (keys, salts) = material.split_at(2 * key);
        let of_client = Keys { key: keys[..key].to_vec(), salt: salts[..salt].to_vec() };
        let of_server = Keys { key: keys[key..].to_vec(), salt: salts[salt..].to_vec() };
        let (local, remote) = if client { (of_client, of_server) } else { (of_server, of_client) };
        Ok(Connected { profile, local, remote, peer_certificate: certificate.to_der()? })
    }

    /// Fingerprint of the peer's certificate.
    pub fn fingerprint(&self, hash: FingerprintHash) -> Result<Fingerprint, DtlsError> {
        fingerprint_of(&self.peer_certificate, hash)
    }

    /// Whether the peer has the certificate that its SDP announced; hex digits of either case (MP-131, MP-132).
    pub fn matches(&self, announced: &Fingerprint) -> bool {
        self.fingerprint(announced.hash).is_ok_and(|own| own.value.eq_ignore_ascii_case(&announced.value))
    }

    /// SRTP sessions for sending and for receiving.
    pub fn sessions(&self) -> Result<(Session, Session), SrtpError> {
        Ok((
            Session::new(self.profile, &self.local.key, &self.local.salt)?.keeping_beginning(),
            Session::new(self.profile, &self.remote.key, &self.remote.salt)?,
        ))
    }
}
