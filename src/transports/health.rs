//! How the server is: `/livez`, `/readyz`, `/healthz`.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;

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
pub trait Doctor: Fn() -> Option<Health> + Clone + Send + Sync + 'static {}
impl<F: Fn() -> Option<Health> + Clone + Send + Sync + 'static> Doctor for F {}

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

/// The three paths.
pub fn routes(doctor: impl Doctor) -> Router {
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
    Router::new().route("/livez", probe(true)).route("/readyz", probe(false)).route("/healthz", probe(false))
}
