//! The certificate of the process and its fingerprint.
#![forbid(unsafe_code)]

use super::DtlsError;
use crate::media::types::{Fingerprint, FingerprintHash};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name, X509NameBuilder};
use ring::digest;

const YEAR: i64 = 365 * 24 * 3600;

/// Certificate chain (leaf first) and private key.
pub struct Identity {
    pub(super) chain: Vec<X509>,
    pub(super) key: PKey<Private>,
    fingerprint: String,
    expires: i64,
}

impl Identity {
    /// A fresh self-signed certificate: EC P-256, or RSA with 2048 bits, valid from a year ago for two years (MP-126).
    pub fn generate(rsa: bool) -> Result<Identity, DtlsError> {
        let key = if rsa {
            PKey::from_rsa(Rsa::generate(2048)?)?
        } else {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            PKey::from_ec_key(EcKey::generate(&group)?)?
        };
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
        let certificate = self_signed(&key, now - YEAR, now + YEAR)?;
        Identity::new(vec![certificate], key)
    }

    /// From PEM texts; `password` is for the key. The first certificate is ours, others complete its chain.
    pub fn from_pem(certificate: &[u8], key: &[u8], password: Option<&str>) -> Result<Identity, DtlsError> {
        // Always with a password: without one OpenSSL would ask for it on the terminal.
        let key = PKey::private_key_from_pem_passphrase(key, password.unwrap_or("").as_bytes())?;
        let chain = X509::stack_from_pem(certificate)?;
        let own = chain.first().ok_or(DtlsError::NoCertificate)?;
        if !own.public_key()?.public_eq(&key) {
            return Err(DtlsError::ForeignKey);
        }
        Identity::new(chain, key)
    }

    pub(super) fn new(chain: Vec<X509>, key: PKey<Private>) -> Result<Identity, DtlsError> {
        let own = chain.first().ok_or(DtlsError::NoCertificate)?;
        let fingerprint = fingerprint_of(&own.to_der()?, FingerprintHash::Sha256)?.value;
        let expires = seconds_since_1970(own.not_after())?;
        Ok(Identity { chain, key, fingerprint, expires })
    }

    /// The end of the certificate's validity, in seconds since 1970.
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// SHA-256 of the certificate, upper-case hex with colons (MP-127).
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

pub fn seconds_since_1970(time: &Asn1TimeRef) -> Result<i64, DtlsError> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(i64::from(since.days) * 24 * 3600 + i64::from(since.secs))
}

/// Version 3, random serial number, O=Janus CN=Janus, SHA-256. Times in seconds since 1970.
pub(super) fn self_signed(key: &PKey<Private>, from: i64, until: i64) -> Result<X509, DtlsError> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let name = name()?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_not_before(&*Asn1Time::from_unix(from)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(until)?)?;
    builder.set_pubkey(key)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn name() -> Result<X509Name, DtlsError> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Janus")?;
    name.append_entry_by_nid(Nid::COMMONNAME, "Janus")?;
    Ok(name.build())
}

/// Fingerprint of a certificate in DER, as in SDP (RFC 8122 §5). The certificate is not parsed, which is expensive.
pub fn fingerprint_of(der: &[u8], hash: FingerprintHash) -> Result<Fingerprint, DtlsError> {
    let own = |algorithm| hex(digest::digest(algorithm, der).as_ref());
    let value = match hash {
        FingerprintHash::Sha1 => own(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        // OpenSSL looks its algorithms up anew each time.
        FingerprintHash::Sha224 => hex(&openssl::hash::hash(MessageDigest::sha224(), der)?),
        FingerprintHash::Sha256 => own(&digest::SHA256),
        FingerprintHash::Sha384 => own(&digest::SHA384),
        FingerprintHash::Sha512 => own(&digest::SHA512),
    };
    Ok(Fingerprint { hash, value })
}

/// Upper case, with colons.
fn hex(digest: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(3 * digest.len());
    for byte in digest {
        if !text.is_empty() {
            text.push(':');
        }
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    text
}
