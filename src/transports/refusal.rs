//! What a request that cannot be served gets.

use axum::body::Body;
use axum::http::{Response, StatusCode};

pub(super) fn refusal(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
