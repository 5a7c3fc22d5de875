//! What the server tells of itself, for those who know the admin secret: `/metrics` for monitoring systems, `/status` for
//! people.

use crate::metrics::Format;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Path, type and content of the status page, part of the library like the mirror's.
const PAGE: [(&str, &str, &str); 3] = [
    ("/status", "text/html; charset=utf-8", include_str!("../../demos/status/index.html")),
    ("/status.css", "text/css", include_str!("../../demos/status/status.css")),
    ("/status.js", "text/javascript", include_str!("../../demos/status/status.js")),
];

/// Who may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Granted,
    /// The secret is missing or wrong.
    Refused,
    /// There is no secret that could be known.
    Nobody,
}

/// Which of the two is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Metrics,
    Status,
}

/// Knows the answers. May block; `None`: it is ending.
pub trait Figures: Send + Sync + 'static {
    fn admits(&self, to: Figure, secret: Option<&str>) -> Admission;
    fn metrics(&self, format: Format) -> Option<String>;
    /// JSON, for the page.
    fn status(&self) -> Option<String>;
}

/// What `Authorization: Bearer SECRET` says, or the password of `Basic`.
fn secret(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    let decoded =
        openssl::base64::decode_block(value).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    Some(String::from_utf8(decoded).ok()?.split_once(':')?.1.to_owned())
}

async fn guarded(figures: Arc<dyn Figures>, to: Figure, request: Request, next: Next) -> Response {
    match figures.admits(to, secret(request.headers()).as_deref()) {
        Admission::Granted => next.run(request).await,
        Admission::Refused => {
            // Two challenges: browsers ask for a password, programs send a token.
            let ask = [
                (WWW_AUTHENTICATE, "Basic realm=\"janus-rs\", charset=\"UTF-8\""),
                (WWW_AUTHENTICATE, "Bearer"),
            ];
            (StatusCode::UNAUTHORIZED, axum::response::AppendHeaders(ask), "the admin secret is needed\n")
                .into_response()
        }
        Admission::Nobody => (StatusCode::FORBIDDEN, "no admin_secret is configured\n").into_response(),
    }
}

/// Answers of `look`, one at a time however many ask.
fn looked_up(
    figures: &Arc<dyn Figures>,
    turn: &Arc<Mutex<()>>,
    look: impl Fn(&dyn Figures, &HeaderMap) -> Option<Response> + Clone + Send + Sync + 'static,
) -> axum::routing::MethodRouter {
    let (figures, turn) = (figures.clone(), turn.clone());
    get(move |headers: HeaderMap| async move {
        let turn = turn.lock_owned().await;
        let look = move || {
            let answer = look(&*figures, &headers);
            drop(turn);
            answer
        };
        let answer = tokio::task::spawn_blocking(look).await.ok().flatten();
        answer.unwrap_or_else(|| (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response())
    })
}

pub fn routes(figures: Arc<dyn Figures>) -> Router {
    let turn = Arc::new(Mutex::new(()));
    let metrics = looked_up(&figures, &turn, |figures, headers| {
        let format =
            Format::wanted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default());
        Some(([(CONTENT_TYPE, format.content_type())], figures.metrics(format)?).into_response())
    });
    let status = looked_up(&figures, &turn, |figures, _| {
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
        Some((headers, figures.status()?).into_response())
    });
    let guard = |to| {
        let figures = figures.clone();
        from_fn(move |request, next| guarded(figures.clone(), to, request, next))
    };
    let metrics = Router::new().route("/metrics", metrics).layer(guard(Figure::Metrics));
    let page = PAGE.iter().fold(Router::new().route("/status.json", status), |router, (path, kind, text)| {
        let headers = [
            (CONTENT_TYPE, *kind),
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, "default-src 'self'; img-src data:"),
        ];
        router.route(path, get(move || async move { (headers, *text) }))
    });
    metrics.merge(page.layer(guard(Figure::Status)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn secrets_of_both_schemes() {
        let of = |value: &str| {
            secret(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())]))
        };
        assert_eq!(of("Bearer a:b c").as_deref(), Some("a:b c"));
        // admin:pass:word
        assert_eq!(of("basic YWRtaW46cGFzczp3b3Jk").as_deref(), Some("pass:word"));
        for none in ["Basic ?", "Basic YWRtaW4=", "Digest x", "Bearer"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(secret(&HeaderMap::new()), None);
    }
}
