//! The built-in web server: the mirror page, and `/healthz`.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Path, type and content of each file of the page, part of the library so that it needs no folder at run time.
const PAGE: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../../demos/mirror/index.html")),
    ("/mirror.css", "text/css", include_str!("../../demos/mirror/mirror.css")),
    ("/mirror.js", "text/javascript", include_str!("../../demos/mirror/mirror.js")),
    ("/janus.mjs", "text/javascript", include_str!("../../demos/mirror/janus.mjs")),
];

/// What `/healthz` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Stopping: answer 503 so that nobody is sent here any more.
    Draining,
}

/// A running web server; it stops when this is dropped.
pub struct WebServer {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl WebServer {
    /// Listens at once (errors are the caller's), serves on the runtime of the caller.
    pub async fn start(
        address: SocketAddr,
        health: impl Fn() -> Health + Clone + Send + Sync + 'static,
    ) -> io::Result<WebServer> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(listener, routes(health)).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!("web server: {error}");
            }
        });
        Ok(WebServer { address, _stop: stop })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn routes(health: impl Fn() -> Health + Clone + Send + Sync + 'static) -> Router {
    let healthz = get(move || async move {
        match health() {
            Health::Ready => (StatusCode::OK, "ok\n"),
            Health::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        }
    });
    PAGE.iter().fold(Router::new().route("/healthz", healthz), |router, (path, kind, text)| {
        router.route(
            path,
            get(move || async move { ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "no-cache")], *text) }),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

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
        let server = WebServer::start("127.0.0.1:0".parse().unwrap(), || Health::Ready).await.unwrap();
        let page = fetch(server.address(), "/").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("mirror.js"));
        assert!(fetch(server.address(), "/healthz").await.ends_with("ok\n"));
        assert!(fetch(server.address(), "/../etc/passwd").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn a_draining_server_says_so() {
        let server = WebServer::start("127.0.0.1:0".parse().unwrap(), || Health::Draining).await.unwrap();
        assert!(fetch(server.address(), "/healthz").await.starts_with("HTTP/1.1 503"));
    }
}
