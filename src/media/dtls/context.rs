//! What all DTLS associations of the process share.
#![forbid(unsafe_code)]

use super::{DtlsError, Identity, OpenSslDtls, ffi};
use crate::media::srtp::Profile;
use crate::media::types::DtlsRole;
use openssl::error::ErrorStack;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslContextRef, SslMethod, SslOptions, SslSessionCacheMode,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509VerifyResult;

/// media-plane.md §4.2.
const CIPHERS: &str = "DEFAULT:!NULL:!aNULL:!SHA256:!SHA384:!aECDH:!AESGCM+AES256:!aPSK";
/// Groups of the key exchange, the first that this system's OpenSSL takes whole. X25519 costs least, and everybody but a FIPS
/// provider has it; whoever lacks it gets P-256, as from the reference (docs/decisions/074-set-up.md).
const GROUPS: [&str; 3] = ["X25519:P-256:P-384", "P-256:P-384", "P-256"];
/// OpenSSL refuses less than this.
const LEAST_MTU: u16 = 256;

#[derive(Clone, Debug)]
pub struct DtlsConfig {
    /// Bytes of the largest handshake datagram.
    pub mtu: u16,
    /// OpenSSL cipher list instead of the usual one.
    pub ciphers: Option<String>,
    /// Whether a certificate needs no authority; else the system's must know it.
    pub accept_selfsigned: bool,
    /// In our order of preference, which decides when we are the server.
    pub profiles: Vec<Profile>,
}

impl Default for DtlsConfig {
    fn default() -> DtlsConfig {
        DtlsConfig { mtu: 1200, ciphers: None, accept_selfsigned: true, profiles: Profile::ALL.to_vec() }
    }
}

/// Makes associations that all use one certificate. Cheap to clone, shared by all threads.
#[derive(Clone)]
pub struct DtlsContext {
    context: SslContext,
    mtu: u16,
}

impl DtlsContext {
    pub fn new(identity: &Identity, config: &DtlsConfig) -> Result<DtlsContext, DtlsError> {
        DtlsContext::with_groups(identity, config, &GROUPS)
    }

    /// `groups`: lists in OpenSSL's words, of which the first counts that it knows.
    pub(super) fn with_groups(
        identity: &Identity,
        config: &DtlsConfig,
        groups: &[&str],
    ) -> Result<DtlsContext, DtlsError> {
        let mut builder = SslContextBuilder::new(SslMethod::dtls())?;
        builder.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
        builder.set_max_proto_version(Some(SslVersion::DTLS1_2))?;
        builder.set_options(
            SslOptions::NO_QUERY_MTU
                | SslOptions::NO_TICKET
                | SslOptions::NO_COMPRESSION
                | SslOptions::NO_RENEGOTIATION
                | SslOptions::CIPHER_SERVER_PREFERENCE,
        );
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_cipher_list(config.ciphers.as_deref().unwrap_or(CIPHERS))?;
        set_groups(&mut builder, groups)?;
        // Whose cookie it is was looked at before (`hello`); OpenSSL asks only where `ffi::exchange_cookies` was called.
        builder.set_cookie_generate_cb(|_, cookie| {
            cookie[0] = 0;
            Ok(1)
        });
        builder.set_cookie_verify_cb(|_, _| true);
        let profiles: Vec<&str> = config.profiles.iter().map(|profile| profile.openssl_name()).collect();
        builder.set_tlsext_use_srtp(&profiles.join(":"))?;
        set_verification(&mut builder, config.accept_selfsigned)?;
        let (own, others) = identity.chain.split_first().ok_or(DtlsError::NoCertificate)?;
        builder.set_certificate(own)?;
        for certificate in others {
            builder.add_extra_chain_cert(certificate.clone())?;
        }
        builder.set_private_key(&identity.key)?;
        builder.check_private_key()?;
        Ok(DtlsContext { context: builder.build(), mtu: config.mtu.max(LEAST_MTU) })
    }

    /// A new association, not started. `ActPass` (nobody decided yet) counts as passive.
    pub fn associate(&self, role: DtlsRole) -> Result<OpenSslDtls, DtlsError> {
        let (mtu, client) = (self.mtu.into(), role == DtlsRole::Active);
        OpenSslDtls::new(prepare(&self.context, mtu, client)?, client, mtu)
    }
}

/// The first of `lists` that this system's OpenSSL takes: it refuses a list of which it lacks one.
fn set_groups(builder: &mut SslContextBuilder, lists: &[&str]) -> Result<(), ErrorStack> {
    let mut refused = ErrorStack::get();
    for list in lists {
        match builder.set_groups_list(list) {
            Ok(()) => return Ok(()),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// For one handshake. `mtu`: bytes of its largest datagram.
pub(super) fn prepare(context: &SslContextRef, mtu: u32, client: bool) -> Result<Ssl, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    ssl.set_mtu(mtu)?;
    ffi::set_timer(&mut ssl);
    if client {
        ssl.set_connect_state();
    } else {
        ssl.set_accept_state();
    }
    Ok(ssl)
}

/// A certificate is mandatory (MP-129) and must not have expired (MP-130). Who signed it matters only on request: the
/// fingerprint in the SDP is what authenticates the peer.
fn set_verification(builder: &mut SslContextBuilder, accept_selfsigned: bool) -> Result<(), DtlsError> {
    if !accept_selfsigned {
        builder.set_default_verify_paths()?;
    }
    let mode = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
    builder.set_verify_callback(mode, move |valid, store| {
        let expired = store.error().as_raw() == openssl_sys::X509_V_ERR_CERT_HAS_EXPIRED;
        if !valid && (expired || !accept_selfsigned) {
            tracing::warn!("DTLS: the peer's certificate is refused: {}", store.error());
            return false;
        }
        // Else the accepted problem would stay behind as the result of the verification.
        store.set_error(X509VerifyResult::OK);
        true
    });
    Ok(())
}
