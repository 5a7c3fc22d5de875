//! TLS for the web server, by the OpenSSL that DTLS uses: with a certificate from files, or with one that is made at the
//! first start and kept, so that whoever accepted it once need not do it again.

use arc_swap::ArcSwap;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslContext, SslMethod, select_next_proto};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// A certificate that we make is good for this long: browsers take none that is good for longer.
const DAYS: u32 = 397;
/// A new one is made when the old one has no more than this left.
const DAYS_LEFT: u32 = 30;
/// How often it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(60);

/// Where the certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and those that complete its chain (PEM).
    pub certificate: PathBuf,
    /// Without one, the key is in the certificate's file.
    pub key: Option<PathBuf>,
}

#[derive(Debug, Error)]
pub enum TlsError {
    #[error("{}: {error}", file.display())]
    File {
        file: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("{}: no usable certificate and key: {error}", file.display())]
    Useless {
        file: PathBuf,
        #[source]
        error: ErrorStack,
    },
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    #[error("cannot make a certificate: {0}")]
    Make(#[from] ErrorStack),
}

/// The server's side of TLS.
pub struct Tls {
    files: Files,
    context: ArcSwap<SslContext>,
    fingerprint: String,
    /// When it was looked last, and when the files had been written.
    looked: crate::util::lock::Lock<(SystemTime, Option<SystemTime>)>,
}

impl Tls {
    /// Reads the files. When neither is there, or what we made before is about to expire, makes a certificate for these
    /// names.
    pub fn open(files: Files, names: &Names) -> Result<Tls, TlsError> {
        if !files.certificate.exists() && files.key.as_ref().is_none_or(|key| !key.exists()) {
            make(&files, names)?;
            tracing::info!("A certificate was made: {}", files.certificate.display());
        }
        let mut material = Material::read(&files)?;
        if material.is_ours() && material.expires_soon()? {
            make(&files, names)?;
            tracing::warn!(
                "The certificate that we made was about to expire; a new one: {}",
                files.certificate.display()
            );
            material = Material::read(&files)?;
        }
        let fingerprint = material.fingerprint()?;
        let context = ArcSwap::from_pointee(material.context(&files)?);
        let looked = crate::util::lock::Lock::new((SystemTime::now(), changed(&files)));
        Ok(Tls { files, context, fingerprint, looked })
    }

    /// SHA-256 of the certificate as it was at the start: upper-case hex with colons, as browsers show it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// For one connection. Files that have changed (a certificate was renewed) are read anew; when they are of no use, the old
    /// ones go on.
    pub(super) fn session(&self) -> Result<Ssl, ErrorStack> {
        if self.has_changed() {
            match Material::read(&self.files).and_then(|material| material.context(&self.files)) {
                Ok(context) => {
                    self.context.store(Arc::new(context));
                    tracing::info!("The certificate was read anew: {}", self.files.certificate.display());
                }
                Err(why) => tracing::error!("The old certificate goes on: {why}"),
            }
        }
        Ssl::new(&self.context.load())
    }

    fn has_changed(&self) -> bool {
        let mut looked = self.looked.lock();
        if looked.0.elapsed().is_ok_and(|since| since < LOOK) {
            return false;
        }
        let now = changed(&self.files);
        let has_changed = now.is_some() && now != looked.1;
        *looked = (SystemTime::now(), now);
        has_changed
    }
}

/// When the files were written last.
fn changed(files: &Files) -> Option<SystemTime> {
    let of = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let certificate = of(&files.certificate)?;
    Some(files.key.as_deref().and_then(of).map_or(certificate, |key| key.max(certificate)))
}

/// What the server is called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub hosts: Vec<String>,
    pub addresses: Vec<IpAddr>,
}

/// The subject of certificates that we make.
const SUBJECT: &str = "janus-rs";

struct Material {
    chain: Vec<X509>,
    key: PKey<Private>,
}

impl Material {
    fn read(files: &Files) -> Result<Material, TlsError> {
        let read =
            |file: &Path| fs::read(file).map_err(|error| TlsError::File { file: file.to_owned(), error });
        let useless = |file: &Path| {
            let file = file.to_owned();
            move |error| TlsError::Useless { file, error }
        };
        let certificate = read(&files.certificate)?;
        let chain = X509::stack_from_pem(&certificate).map_err(useless(&files.certificate))?;
        let key = match &files.key {
            Some(file) => private_key(&read(file)?).map_err(useless(file))?,
            None => private_key(&certificate).map_err(useless(&files.certificate))?,
        };
        if chain.is_empty() {
            return Err(TlsError::Empty(files.certificate.clone()));
        }
        Ok(Material { chain, key })
    }

    fn is_ours(&self) -> bool {
        let mut names = self.chain[0].subject_name().entries_by_nid(Nid::ORGANIZATIONNAME);
        self.chain.len() == 1 && names.any(|name| name.data().as_slice() == SUBJECT.as_bytes())
    }

    fn expires_soon(&self) -> Result<bool, ErrorStack> {
        Ok(self.chain[0].not_after() < &*Asn1Time::days_from_now(DAYS_LEFT)?)
    }

    fn fingerprint(&self) -> Result<String, ErrorStack> {
        let digest = self.chain[0].digest(MessageDigest::sha256())?;
        Ok(digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
    }

    fn context(&self, files: &Files) -> Result<SslContext, TlsError> {
        self.build().map_err(|error| TlsError::Useless { file: files.certificate.clone(), error })
    }

    /// Mozilla's "intermediate": TLS 1.2 and 1.3.
    fn build(&self) -> Result<SslContext, ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        builder.set_certificate(&self.chain[0])?;
        for other in &self.chain[1..] {
            builder.add_extra_chain_cert(other.clone())?;
        }
        builder.set_private_key(&self.key)?;
        builder.check_private_key()?;
        builder.set_alpn_select_callback(|_, offered| {
            select_next_proto(b"\x02h2\x08http/1.1", offered).ok_or(AlpnError::NOACK)
        });
        Ok(builder.build().into_context())
    }
}

/// Always with a password: without one OpenSSL would ask for it on the terminal.
fn private_key(pem: &[u8]) -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem_passphrase(pem, b"")
}

/// Makes a certificate, and writes it where nobody else reads it.
fn make(files: &Files, names: &Names) -> Result<(), TlsError> {
    let key = PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?)?;
    let certificate = self_signed(&key, names)?;
    let (certificate, key) = (certificate.to_pem()?, key.private_key_to_pem_pkcs8()?);
    match &files.key {
        Some(file) => {
            write(file, &key)?;
            write(&files.certificate, &certificate)
        }
        None => write(&files.certificate, &[certificate, key].concat()),
    }
}

fn write(file: &Path, pem: &[u8]) -> Result<(), TlsError> {
    // Whole, or not at all.
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = || {
        let _ = fs::remove_file(&new);
        let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        open.write_all(pem)?;
        open.sync_all()?;
        fs::rename(&new, file)
    };
    written().map_err(|error| TlsError::File { file: file.to_owned(), error })
}

fn self_signed(key: &PKey<Private>, names: &Names) -> Result<X509, ErrorStack> {
    let mut subject = X509NameBuilder::new()?;
    subject.append_entry_by_nid(Nid::ORGANIZATIONNAME, SUBJECT)?;
    subject.append_entry_by_nid(Nid::COMMONNAME, names.hosts.first().map_or(SUBJECT, String::as_str))?;
    let subject = subject.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(&subject)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(DAYS)?)?;
    builder.set_pubkey(key)?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let mut alternatives = SubjectAlternativeName::new();
    alternatives.dns("localhost").ip("127.0.0.1").ip("::1");
    for host in &names.hosts {
        alternatives.dns(host);
    }
    for address in &names.addresses {
        alternatives.ip(&address.to_string());
    }
    let alternatives = alternatives.build(&builder.x509v3_context(None, None))?;
    builder.append_extension(alternatives)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("janus-rs-tls-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn what_is_made_is_kept() {
        let folder = folder("kept");
        let names = Names { hosts: vec!["box".into()], addresses: vec!["192.0.2.7".parse().unwrap()] };
        for key in [None, Some(folder.join("key.pem"))] {
            let certificate = folder.join(format!("{}.pem", key.is_some()));
            let files = Files { certificate, key };
            let first = Tls::open(files.clone(), &names).unwrap();
            for file in [Some(&files.certificate), files.key.as_ref()].into_iter().flatten() {
                assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
            }
            let again = Tls::open(files.clone(), &Names::default()).unwrap();
            assert_eq!(first.fingerprint(), again.fingerprint());
            assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
            let made = Material::read(&files).unwrap();
            assert!(made.is_ours() && !made.expires_soon().unwrap());
            let shown =
                format!("{:?}", made.chain[0].subject_alt_names().unwrap().iter().collect::<Vec<_>>());
            assert!(shown.contains("localhost") && shown.contains("box"), "{shown}");
            assert!(again.session().is_ok());
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn files_that_are_of_no_use() {
        let folder = folder("useless");
        let (certificate, key) = (folder.join("a.pem"), folder.join("b.pem"));
        let files = Files { certificate: certificate.clone(), key: Some(key.clone()) };
        Tls::open(files.clone(), &Names::default()).unwrap();
        // Half of the pair is missing: it is not made up.
        fs::remove_file(&key).unwrap();
        assert!(matches!(Tls::open(files.clone(), &Names::default()), Err(TlsError::File { .. })));
        // Of another pair.
        let other = Files { certificate: folder.join("c.pem"), key: Some(key.clone()) };
        Tls::open(other, &Names::default()).unwrap();
        assert!(matches!(Tls::open(files.clone(), &Names::default()), Err(TlsError::Useless { .. })));
        fs::write(&certificate, "no certificate").unwrap();
        assert!(Tls::open(files, &Names::default()).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
