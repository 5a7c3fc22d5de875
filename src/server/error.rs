//! Why a server does not start. Each is told as one line.
#![forbid(unsafe_code)]

use crate::config::{Config, ConfigError};
use crate::media::EngineError;
use crate::modules::given::GivenError;
use crate::modules::loader::LoadError;
use crate::options;
use std::ffi::NulError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum StartError {
    /// A file of the configuration is there, and cannot be read or is not in its format.
    #[error("{}: {error}", file.display())]
    File {
        file: PathBuf,
        #[source]
        error: ConfigError,
    },
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error("Cannot open the log file: {0}")]
    LogFile(#[source] io::Error),
    #[error("Cannot start the {thread}: {error}")]
    Thread {
        thread: &'static str,
        #[source]
        error: io::Error,
    },
    #[error("Cannot start the media engine: {0}")]
    Engine(#[from] EngineError),
    #[error("The STUN server {0} does not answer")]
    SilentStunServer(SocketAddr),
    #[error("Cannot serve at {place}: {error}")]
    Serve {
        place: String,
        #[source]
        error: io::Error,
    },
    #[cfg(feature = "web")]
    #[error("TLS of the web server: {0}")]
    Tls(#[from] crate::transports::tls::TlsError),
    /// From a folder of modules.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// One that was asked for by name.
    #[error(transparent)]
    Module(#[from] GivenError),
    #[error("No transport offers the Janus API")]
    NoJanusApi,
    #[error("Tokens are needed, but no transport offers the Admin API to add any")]
    NoWayToAddTokens,
    #[error("Other processes have all ports of the Janus API")]
    NoPort,
}

/// An option that the server does not start with.
#[derive(Debug, Error)]
pub enum OptionError {
    #[error("log_format is '{0}': it is 'text' or 'json'")]
    LogFormat(String),
    #[error("media.udp_ports: {0} is no port, or named twice")]
    UdpPort(String),
    #[error("cannot resolve {kind} server {host}")]
    Unresolved { kind: &'static str, host: String },
    #[error("turn_rest_api {0} is no HTTP address")]
    TurnRestApi(String),
    #[error("turn_rest_api_method {0} is neither GET nor POST")]
    TurnRestMethod(String),
    #[error("unknown turn_type {0}")]
    TurnType(String),
    /// Refused, so that nobody is served with a certificate that was made up (MP-128).
    #[error("cert_key is given, but no cert_pem")]
    KeyWithoutCertificate,
    #[error("cannot read {path}: {error}")]
    Unreadable {
        path: String,
        #[source]
        error: io::Error,
    },
    #[error("{file}: '{text}' is not {expected}")]
    Web { file: &'static str, text: String, expected: &'static str },
    #[cfg(not(feature = "web"))]
    #[error("{0}: web is enabled, and this library is built without it")]
    NoWeb(&'static str),
    /// A name that C cannot be told.
    #[error("{0}")]
    Nul(#[from] NulError),
}

impl OptionError {
    /// Fatal, unless the configuration says that servers which cannot be used are done without.
    pub fn unless_ignored(self, config: &Config) -> Result<(), OptionError> {
        if options::IGNORE_UNREACHABLE_ICE_SERVER.of(config) {
            tracing::warn!("{self}: not using it");
            return Ok(());
        }
        Err(self)
    }
}
