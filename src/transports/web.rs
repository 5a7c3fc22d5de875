//! The built-in web server: listens, and serves each connection within its limits.

use super::guests::{Guest, Guests};
use super::listener::{Listener, Place, SocketFile};
use super::proxies::Proxies;
use super::readers::Readers;
use super::site::{Site, Visit};
use super::socket::{Peer, Socket, Wire};
use super::tls::Tls;
use super::websocket;
use crate::util::lock::Lock;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What strangers may use up. Nobody logs in here, so anybody can hold a connection open.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At the same time; one more takes the place of the oldest that nobody waits for.
    pub connections: usize,
    /// For the head of each request, from when the one before was answered.
    pub head: Duration,
    /// For a client to read what it asked for.
    pub stalled: Duration,
    /// After the server was told to stop.
    pub last: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4096,
            head: Duration::from_secs(10),
            stalled: Duration::from_secs(30),
            last: Duration::from_secs(10),
        }
    }
}

/// Bytes of a request's head; hyper's default is 400 kB.
const HEAD: usize = 16 * 1024;

/// The first byte of a TLS connection: a handshake record (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// A running web server; it stops when this is dropped.
pub struct WebServer {
    place: Place,
    _stop: watch::Sender<()>,
    /// Here, and not with the task that accepts: the process may end before that gets round to it.
    _file: Option<SocketFile>,
}

impl WebServer {
    /// Serves on the runtime of the caller. With `tls`, what comes in the clear is sent there, unless it comes from this host or a proxy.
    pub fn start(
        mut listener: Listener,
        tls: Option<Arc<Tls>>,
        site: Arc<Site>,
        limits: Limits,
        proxies: Arc<Proxies>,
    ) -> WebServer {
        let (place, file) = (listener.place(), listener.take_file());
        let (stop, stopped) = watch::channel(());
        let server = Server {
            tls,
            site,
            limits,
            proxies,
            guests: Guests::new(limits.connections),
            readers: Readers::default(),
        };
        tokio::spawn(Arc::new(server).accept(listener, stopped));
        WebServer { place, _stop: stop, _file: file }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }
}

/// What all connections have in common.
struct Server {
    tls: Option<Arc<Tls>>,
    site: Arc<Site>,
    limits: Limits,
    proxies: Arc<Proxies>,
    guests: Guests,
    readers: Readers,
}

impl Server {
    async fn accept(self: Arc<Self>, listener: Listener, mut stopped: watch::Receiver<()>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopped.changed() => return,
            };
            let (wire, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Of a connection that has gone already, or no descriptor is left: a moment later there may be one.
                    if !is_of_connection(&error) {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    continue;
                }
            };
            let Some(guest) = self.guests.enter() else { continue };
            let task = tokio::spawn(self.clone().serve(wire, peer, guest.clone(), stopped.clone()));
            guest.is_served_by(task.abort_handle());
        }
    }

    /// Serves one connection until either side ends it.
    async fn serve(self: Arc<Self>, wire: Wire, peer: Peer, guest: Arc<Guest>, stopped: watch::Receiver<()>) {
        let begun = async {
            let peer = self.proxies.peer(&wire, peer).await?;
            io::Result::Ok((self.socket(wire).await?, peer))
        };
        let Ok(Ok((socket, peer))) = tokio::time::timeout(self.limits.head, begun).await else { return };
        let visit = Arc::new(Visit {
            site: self.site.clone(),
            guest,
            proxies: self.proxies.clone(),
            peer,
            elsewhere: self.tls.is_some()
                && !socket.is_secure()
                && !peer.is_this_host()
                && !self.proxies.has(peer),
            upgrade: Lock::default(),
        });
        if socket.is_http2() {
            return self.http2(socket, visit, stopped).await;
        }
        self.http1(socket, &visit, stopped).await;
        self.go_on(&visit).await;
    }

    /// As a WebSocket, if that was agreed on.
    async fn go_on(&self, visit: &Visit) {
        let Some((upgrade, agreed)) = visit.upgrade.lock().take() else { return };
        let Some(api) = visit.site.api() else { return };
        let Ok(upgraded) = upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Socket>>() else { return };
        let (socket, early) = (parts.io.into_inner(), parts.read_buf);
        let guest = visit.guest.clone();
        let (door, open) = (api.door.clone(), api.open.clone());
        let begun = self.readers.place().and_then(|place| {
            websocket::begin(socket, early, door, api.websocket_package, guest, agreed, place)
        });
        match begun {
            Ok(connection) => connection.serve(open).await,
            Err(error) => tracing::error!("Cannot serve a WebSocket: {error}"),
        }
    }

    async fn socket(&self, wire: Wire) -> io::Result<Socket> {
        let is_tls = self.tls.is_some() && wire.first_byte().await? == Some(HANDSHAKE);
        let socket = Socket::new(wire, self.limits.stalled);
        match &self.tls {
            Some(tls) if is_tls => socket.secure(tls.session().map_err(io::Error::other)?).await,
            _ => Ok(socket),
        }
    }

    /// The same over HTTP/2 (RFC 9113), which browsers choose with TLS. Their WebSockets come by HTTP/1.1 all the same.
    async fn http2(&self, socket: Socket, visit: Arc<Visit>, mut stopped: watch::Receiver<()>) {
        let service = service_fn(move |request| visit.clone().answer(request));
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD as u32)
            .keep_alive_interval(SILENCE)
            .keep_alive_timeout(self.limits.stalled)
            .serve_connection(TokioIo::new(socket), service);
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(self.limits.last, connection).await;
            }
        }
    }

    async fn http1(&self, socket: Socket, visit: &Arc<Visit>, mut stopped: watch::Receiver<()>) {
        let service = {
            let visit = visit.clone();
            service_fn(move |request| visit.clone().answer(request))
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            // Errors are the client's: half requests, connections that break.
            _ = connection.as_mut() => {}
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                let _ = tokio::time::timeout(self.limits.last, connection).await;
            }
        }
    }
}

/// Requests of one HTTP/2 connection at the same time; a page asks for twenty files.
const STREAMS: u32 = 64;
/// How long an HTTP/2 connection is silent before it is asked whether it is still there, and how long it may take to answer.
const SILENCE: Duration = Duration::from_secs(30);

fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transports::health::{self, Health};
    use crate::transports::pages::Pages;
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    impl WebServer {
        fn address(&self) -> SocketAddr {
            let Place::Port(address) = self.place else { panic!("no port") };
            address
        }
    }

    async fn start(
        health: impl Fn() -> Option<Health> + Clone + Send + Sync + 'static,
        limits: Limits,
    ) -> WebServer {
        let site = Arc::new(Site::new(Pages::BuiltIn.routes().merge(health::routes(health)), None));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        WebServer::start(listener, None, site, limits, Arc::default())
    }

    async fn fetch(address: SocketAddr, path: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn serves_the_page_and_its_health() {
        let server = start(|| Some(Health::Ready), Limits::default()).await;
        let page = fetch(server.address(), "/").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("start.js"));
        assert!(fetch(server.address(), "/healthz").await.ends_with("ok\n"));
        assert!(fetch(server.address(), "/../etc/passwd").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn health_has_a_status_for_each_who_asks() {
        for (health, alive, ready) in [
            (Some(Health::Ready), "200", "200"),
            (Some(Health::Draining), "200", "503"),
            (Some(Health::Stuck("media worker 3".into())), "503", "503"),
            (None, "503", "503"),
        ] {
            let answer = health.clone();
            let server = start(move || answer.clone(), Limits::default()).await;
            for (path, status) in [("/livez", alive), ("/readyz", ready), ("/healthz", ready)] {
                let got = fetch(server.address(), path).await;
                assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{health:?} {path}: {got}");
                if let Some(Health::Stuck(who)) = &health {
                    assert!(got.ends_with(&format!("stuck: {who}\n")));
                }
            }
        }
    }

    #[tokio::test]
    async fn one_looks_however_many_ask() {
        let inside = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let (gate, seen) = (Arc::new(std::sync::Mutex::new(gate)), inside.clone());
        let doctor = move || {
            let now = seen.0.fetch_add(1, Ordering::SeqCst) + 1;
            seen.1.fetch_max(now, Ordering::SeqCst);
            let _ = gate.lock().unwrap().recv();
            seen.0.fetch_sub(1, Ordering::SeqCst);
            Some(Health::Ready)
        };
        let server = start(doctor, Limits::default()).await;
        let mut all = Vec::new();
        for _ in 0..100 {
            let mut socket = TcpStream::connect(server.address()).await.unwrap();
            socket.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
            all.push(socket);
        }
        for _ in 0..100 {
            release.send(()).unwrap();
        }
        for socket in &mut all {
            let mut line = [0; 12];
            socket.read_exact(&mut line).await.unwrap();
            assert_eq!(&line, b"HTTP/1.1 200");
        }
        assert_eq!(inside.1.load(Ordering::SeqCst), 1);
    }

    const PATIENT: Limits = Limits {
        connections: 64,
        head: Duration::from_secs(3600),
        stalled: Duration::from_secs(3600),
        last: Duration::from_secs(3600),
    };

    async fn limited(limits: Limits) -> WebServer {
        start(|| Some(Health::Ready), limits).await
    }

    async fn half_requests(server: &WebServer, count: usize) -> Vec<TcpStream> {
        let mut all = Vec::new();
        for _ in 0..count {
            let mut socket = TcpStream::connect(server.address()).await.unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
            all.push(socket);
        }
        all
    }

    /// Reads until the server has ended the connection, cleanly or not.
    async fn ended(mut socket: TcpStream) {
        let mut rest = Vec::new();
        let end = socket.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(60), end).await.expect("the server ends it");
    }

    #[tokio::test]
    async fn half_requests_make_room() {
        let server = limited(PATIENT).await;
        let mut all = half_requests(&server, 500).await;
        assert!(fetch(server.address(), "/healthz").await.ends_with("ok\n"));
        let young = all.split_off(500 + 1 - PATIENT.connections);
        for old in all {
            ended(old).await;
        }
        for socket in young {
            let mut byte = [0];
            assert_eq!(socket.try_read(&mut byte).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }

    #[tokio::test]
    async fn the_file_of_a_socket_goes_with_the_server() {
        let path = std::env::temp_dir().join(format!("janus-rs-web-{}", std::process::id()));
        let site = Arc::new(Site::new(Pages::BuiltIn.routes(), None));
        let server = WebServer::start(Listener::at(&path).unwrap(), None, site, PATIENT, Arc::default());
        assert!(path.exists());
        // None of its tasks has run yet, and none may run again.
        drop(server);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn half_requests_end() {
        let server = limited(Limits { connections: 1000, head: Duration::from_millis(300), ..PATIENT }).await;
        for socket in half_requests(&server, 100).await {
            ended(socket).await;
        }
        assert!(fetch(server.address(), "/healthz").await.ends_with("ok\n"));
    }

    #[tokio::test]
    async fn slow_readers_end() {
        let short = Duration::from_millis(300);
        let server = limited(Limits { stalled: short, ..PATIENT }).await;
        let mut slow = Vec::new();
        for _ in 0..20 {
            let mut socket = TcpStream::connect(server.address()).await.unwrap();
            // More answers than the buffers of both sides hold, none of them read.
            let requests = "GET /janus.mjs HTTP/1.1\r\nHost: test\r\n\r\n".repeat(2000);
            let sent = socket.write_all(requests.as_bytes());
            let _ = tokio::time::timeout(Duration::from_secs(60), sent).await.expect("taken, or ended");
            slow.push(socket);
        }
        assert!(fetch(server.address(), "/healthz").await.ends_with("ok\n"));
        for mut socket in slow {
            let until_refused = async {
                while socket.write_all(b"GET / HTTP/1.1\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), until_refused).await.expect("the server ends it");
        }
    }

    #[tokio::test]
    async fn nobody_sends_us_anything_large() {
        let server = limited(PATIENT).await;
        for request in [
            format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(10 * HEAD)),
            format!("GET / HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(10 * HEAD)),
            format!(
                "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000000\r\n\r\n{}",
                "x".repeat(10 * HEAD)
            ),
        ] {
            let mut socket = TcpStream::connect(server.address()).await.unwrap();
            // The answer may come, and the connection end, before all is sent.
            let _ = socket.write_all(request.as_bytes()).await;
            ended(socket).await;
        }
    }
}
