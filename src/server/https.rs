//! TLS for the HTTP client: the OpenSSL that we have, and the system's certificates.
#![forbid(unsafe_code)]

use openssl::ssl::{SslConnector, SslMethod, SslStream};
use std::fmt;
use std::io::{self, Read, Write};
use ureq::Error;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector, Transport,
    TransportAdapter,
};

/// Bytes of a record, of either direction.
const RECORD: usize = 16 << 10;

/// A client for `http` and `https`.
pub fn agent(config: ureq::config::Config) -> ureq::Agent {
    let connector = ().chain(TcpConnector::default()).chain(Tls);
    ureq::Agent::with_parts(config, connector, DefaultResolver::default())
}

#[derive(Debug)]
struct Tls;

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let connector = SslConnector::builder(SslMethod::tls_client()).map_err(io::Error::from)?.build();
        let ssl = connector.configure().and_then(|c| c.into_ssl(host)).map_err(io::Error::from)?;
        let transport: Box<dyn Transport> = Box::new(transport);
        let mut below = TransportAdapter::new(transport, details.current_time.clone());
        below.set_timeout(details.timeout);
        let mut stream = SslStream::new(ssl, below).map_err(io::Error::from)?;
        stream.connect().map_err(|error| match stream.ssl().verify_result() {
            openssl::x509::X509VerifyResult::OK => io::Error::other(error),
            why => io::Error::other(format!("its certificate: {}", why.error_string())),
        })?;
        Ok(Some(Either::B(TlsTransport { buffers: LazyBuffers::new(RECORD, RECORD), stream })))
    }
}

struct TlsTransport {
    buffers: LazyBuffers,
    stream: SslStream<TransportAdapter>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if self.buffers.can_use_input() {
            return Ok(true);
        }
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TLS by OpenSSL")
    }
}
