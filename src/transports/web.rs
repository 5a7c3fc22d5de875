//! The built-in web server: the mirror page, and how the server is: `/livez`, `/readyz`, `/healthz`.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Path, type and content of each file of the page, part of the library so that it needs no folder at run time.
const PAGE: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../../demos/mirror/index.html")),
    ("/mirror.css", "text/css", include_str!("../../demos/mirror/mirror.css")),
    ("/mirror.js", "text/javascript", include_str!("../../demos/mirror/mirror.js")),
    ("/janus.mjs", "text/javascript", include_str!("../../demos/mirror/janus.mjs")),
];

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Stopping, or told to take no new sessions: nobody should be sent here any more.
    Draining,
    /// Somebody does not do what it is asked for.
    Stuck(String),
}

/// Asks for it, and may wait for the answer. `None`: it is ending.
trait Doctor: Fn() -> Option<Health> + Clone + Send + Sync + 'static {}
impl<F: Fn() -> Option<Health> + Clone + Send + Sync + 'static> Doctor for F {}

/// What strangers may use up. Nobody logs in here, so anybody can hold a connection open.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// At the same time; one more takes the place of the oldest.
    connections: usize,
    /// For the head of each request, from when the one before was answered.
    head: Duration,
    /// After this a connection ends with its present answer,
    life: Duration,
    /// which has this long to be read.
    last: Duration,
}

const LIMITS: Limits = Limits {
    connections: 256,
    head: Duration::from_secs(10),
    life: Duration::from_secs(30),
    last: Duration::from_secs(10),
};

/// Bytes of a request's head; hyper's default is 400 kB.
const HEAD: usize = 16 * 1024;

/// A running web server; it stops when this is dropped.
pub struct WebServer {
    address: SocketAddr,
    _stop: watch::Sender<()>,
}

impl WebServer {
    /// Listens at once (errors are the caller's), serves on the runtime of the caller.
    pub async fn start(
        address: SocketAddr,
        health: impl Fn() -> Option<Health> + Clone + Send + Sync + 'static,
    ) -> io::Result<WebServer> {
        Self::with_limits(address, health, LIMITS).await
    }

    async fn with_limits(
        address: SocketAddr,
        health: impl Fn() -> Option<Health> + Clone + Send + Sync + 'static,
        limits: Limits,
    ) -> io::Result<WebServer> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        tokio::spawn(accept(listener, routes(health), limits, stopped));
        Ok(WebServer { address, _stop: stop })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(mut listener: TcpListener, routes: Router, limits: Limits, mut stopped: watch::Receiver<()>) {
    // Oldest first.
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let (socket, _) = tokio::select! {
            // axum's: when there is no descriptor left, it waits a moment.
            accepted = Listener::accept(&mut listener) => accepted,
            _ = stopped.changed() => return,
        };
        if connections.len() >= limits.connections {
            connections.retain(|connection| !connection.is_finished());
        }
        if connections.len() >= limits.connections
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let connection = tokio::spawn(serve(socket, routes.clone(), limits, stopped.clone()));
        connections.push_back(connection.abort_handle());
    }
}

/// Serves one connection until either side ends it or its time is over.
async fn serve(socket: TcpStream, routes: Router, limits: Limits, mut stopped: watch::Receiver<()>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    tokio::select! {
        // Errors are the client's: half requests, connections that break.
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(limits.life) => {}
        _ = stopped.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(limits.last, connection).await;
}

/// 200 or 503, and a line. `/livez`: whether starting it anew would help; `/readyz` and `/healthz`: whether new clients should
/// come here.
fn answer(health: Option<Health>, alive_is_enough: bool) -> (StatusCode, String) {
    match health {
        Some(Health::Draining) if alive_is_enough => (StatusCode::OK, "ok\n".into()),
        Some(Health::Ready) => (StatusCode::OK, "ok\n".into()),
        Some(Health::Draining) | None => (StatusCode::SERVICE_UNAVAILABLE, "draining\n".into()),
        Some(Health::Stuck(who)) => (StatusCode::SERVICE_UNAVAILABLE, format!("stuck: {who}\n")),
    }
}

fn routes(doctor: impl Doctor) -> Router {
    // One looks, others wait without a thread. The look holds the turn: a connection that ends meanwhile does not end it.
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    let probe = |alive_is_enough| {
        let (doctor, turn) = (doctor.clone(), turn.clone());
        get(move || async move {
            let turn = turn.lock_owned().await;
            let look = move || {
                let health = doctor();
                drop(turn);
                health
            };
            let health = tokio::task::spawn_blocking(look).await.unwrap_or_default();
            answer(health, alive_is_enough)
        })
    };
    let health = Router::new()
        .route("/livez", probe(true))
        .route("/readyz", probe(false))
        .route("/healthz", probe(false));
    PAGE.iter().fold(health, |router, (path, kind, text)| {
        router.route(
            path,
            get(move || async move { ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "no-cache")], *text) }),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
        let server = WebServer::start("127.0.0.1:0".parse().unwrap(), || Some(Health::Ready)).await.unwrap();
        let page = fetch(server.address(), "/").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("mirror.js"));
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
            let server =
                WebServer::start("127.0.0.1:0".parse().unwrap(), move || answer.clone()).await.unwrap();
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
        let server = WebServer::start("127.0.0.1:0".parse().unwrap(), doctor).await.unwrap();
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
        life: Duration::from_secs(3600),
        last: Duration::from_secs(3600),
    };

    async fn limited(limits: Limits) -> WebServer {
        WebServer::with_limits("127.0.0.1:0".parse().unwrap(), || Some(Health::Ready), limits).await.unwrap()
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
        let server = limited(Limits { life: short, last: short, ..PATIENT }).await;
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
        for socket in slow {
            ended(socket).await;
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
