//! The pages that are part of the library, so that they need no folder at run time.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

/// Path, type and content of each file of the page.
const PAGE: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../../demos/mirror/index.html")),
    ("/mirror.css", "text/css", include_str!("../../demos/mirror/mirror.css")),
    ("/mirror.js", "text/javascript", include_str!("../../demos/mirror/mirror.js")),
    ("/janus.mjs", "text/javascript", include_str!("../../demos/mirror/janus.mjs")),
];

pub fn routes() -> Router {
    PAGE.iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(
            path,
            get(move || async move { ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "no-cache")], *text) }),
        )
    })
}
