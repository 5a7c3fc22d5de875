//! The pages: the files of demos/pages, part of the library so that it needs no folder at run time, or those of the folder that
//! `web: { root = … }` names, read anew for each request so that a change is seen at once.
#![forbid(unsafe_code)]

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::path::Path;
use std::sync::Arc;

/// Name below demos/pages and content of each file; build.rs writes the list.
const BUILT_IN: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Where the files come from.
#[derive(Clone, Debug)]
pub enum Pages {
    BuiltIn,
    Folder(Arc<Path>),
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    File {
        name: String,
        content: Bytes,
    },
    /// A page's name without the slash that the page's relative links need: its last part.
    Page(String),
    Nothing,
}

impl Pages {
    /// `None` when the folder has no start page.
    pub fn of(root: Option<&Path>) -> Option<Pages> {
        let Some(root) = root else { return Some(Pages::BuiltIn) };
        root.join("index.html").is_file().then(|| Pages::Folder(root.into()))
    }

    /// Whatever no other route has.
    pub fn routes(self) -> Router {
        Router::new().fallback_service(get(move |uri: Uri| self.clone().answer(uri)))
    }

    async fn answer(self, uri: Uri) -> Response {
        match self.find(uri.path()).await {
            Found::File { name, content } => {
                let headers = [
                    (CONTENT_TYPE, kind(&name)),
                    (CACHE_CONTROL, "no-cache"),
                    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                ];
                (headers, content).into_response()
            }
            // Relative, because a proxy may put all of this below a folder.
            Found::Page(name) => {
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                (StatusCode::PERMANENT_REDIRECT, [(LOCATION, format!("{name}/{query}"))]).into_response()
            }
            Found::Nothing => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// `/` and `/room/` mean the page of that folder, `/room/anything` too: the rest of the path is the page's own.
    async fn find(&self, path: &str) -> Found {
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.is_empty() || path.ends_with('/') {
            return self.file(format!("{path}index.html")).await;
        }
        if let Found::File { name, content } = self.file(path.to_owned()).await {
            return Found::File { name, content };
        }
        match path.split_once('/') {
            None => match self.file(format!("{path}/index.html")).await {
                Found::File { .. } => Found::Page(path.to_owned()),
                _ => Found::Nothing,
            },
            Some((page, rest)) if !rest.contains(['/', '.']) => self.file(format!("{page}/index.html")).await,
            Some(_) => Found::Nothing,
        }
    }

    async fn file(&self, name: String) -> Found {
        if !name.split('/').all(is_plain) {
            return Found::Nothing;
        }
        let content = match self {
            Pages::BuiltIn => BUILT_IN
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, content)| Bytes::from_static(content)),
            Pages::Folder(root) => {
                let path = root.join(&name);
                let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
                read.ok().and_then(Result::ok).map(Bytes::from)
            }
        };
        content.map_or(Found::Nothing, |content| Found::File { name, content })
    }
}

/// No name that leads elsewhere, and none that is hidden.
fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn name(pages: &Pages, path: &str) -> String {
        match pages.find(path).await {
            Found::File { name, .. } => name,
            Found::Page(name) => format!("{name}/"),
            Found::Nothing => String::new(),
        }
    }

    #[tokio::test]
    async fn paths_mean_pages() {
        for (path, means) in [
            ("/", "index.html"),
            ("/style.css", "style.css"),
            ("/mirror", "mirror/"),
            ("/mirror/", "mirror/index.html"),
            ("/mirror/mirror.js", "mirror/mirror.js"),
            ("/mirror/missing.js", ""),
            ("/mirror/any%20name", "mirror/index.html"),
            ("/mirror/any/name", ""),
            ("/missing", ""),
            ("/missing/", ""),
            ("//", ""),
            ("/mirror//", ""),
        ] {
            assert_eq!(name(&Pages::BuiltIn, path).await, means, "{path}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_read_anew_and_nothing_else_is() {
        let folder = std::env::temp_dir().join(format!("janus-rs-pages-{}", std::process::id()));
        let root = folder.join("pages");
        std::fs::create_dir_all(root.join("room")).unwrap();
        assert!(Pages::of(Some(&root)).is_none());
        for (file, text) in [
            ("pages/index.html", "start"),
            ("pages/room/index.html", "room"),
            ("pages/.key", "k"),
            ("key", "k"),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
        let pages = Pages::of(Some(&root)).unwrap();
        for (path, means) in [
            ("/", "index.html"),
            ("/room", "room/"),
            ("/room/a", "room/index.html"),
            ("/style.css", ""),
            ("/.key", ""),
            ("/../key", ""),
            ("/room/../../key", ""),
            ("/..%2fkey", ""),
            ("/room/..", ""),
        ] {
            assert_eq!(name(&pages, path).await, means, "{path}");
        }
        std::fs::write(root.join("index.html"), "changed").unwrap();
        let content = Bytes::from_static(b"changed");
        assert_eq!(pages.find("/").await, Found::File { name: "index.html".into(), content });
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// What every head says stands in each of them, as there is no build; it says the same everywhere.
    #[test]
    fn heads_are_alike() {
        let pages = BUILT_IN.iter().filter(|(name, _)| name.ends_with("/index.html"));
        for (name, content) in pages {
            let text = std::str::from_utf8(content).unwrap();
            let (head, rest) = text.split_once("<title>").unwrap();
            let (title, rest) = rest.split_once("</title>\n").unwrap();
            assert!(
                head.starts_with(
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                     <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                ),
                "{name}"
            );
            assert!(title.ends_with(" · janus-rs"), "{name}");
            for link in
                ["<link rel=\"icon\" href=\"data:,\">\n", "<link rel=\"stylesheet\" href=\"../style.css\">\n"]
            {
                assert!(rest.contains(link), "{name}");
            }
            assert!(rest.contains("<header>\n\t<a class=\"home\" href=\"../\">janus-rs</a>\n"), "{name}");
            assert!(
                rest.contains("<p id=\"state\" class=\"state\" role=\"status\"></p>\n</header>"),
                "{name}"
            );
        }
    }

    #[tokio::test]
    async fn a_page_without_its_slash_is_sent_to_it() {
        let answer = Pages::BuiltIn.answer(Uri::from_static("http://host/mirror?videocodec=vp9")).await;
        assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(answer.headers()[LOCATION], "mirror/?videocodec=vp9");
    }
}
