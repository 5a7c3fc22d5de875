//! Asks the server that runs here, over plain HTTP: one request, one connection.
#![forbid(unsafe_code)]

use super::check::Installation;
use crate::config::Config;
use crate::json::Json;
use crate::options::{WEB_ADMIN_IP, WEB_ADMIN_PORT, WEB_ADMIN_UNIX, WEB_ENABLED, WEB_IP, WEB_PORT};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

const LIMIT: Duration = Duration::from_secs(15);
/// More than any answer has.
const MOST: u64 = 1 << 20;

#[derive(Debug, Error)]
pub enum AskError {
    #[error("{0} is served over plain HTTP by nothing that is configured")]
    NoDoor(&'static str),
    #[error("{place}: {error}")]
    Io {
        place: Place,
        #[source]
        error: io::Error,
    },
    #[error("the answer is no JSON")]
    NoJson,
    #[error("{code}: {reason}")]
    Refused { code: i64, reason: String },
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Port { ip: String, port: u16 },
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Port { ip, port } => write!(f, "port {port} of {ip}"),
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Place {
    fn port(ip: Option<&str>, port: u16) -> Place {
        let ip = ip.filter(|ip| !matches!(*ip, "0.0.0.0" | "::")).unwrap_or("127.0.0.1");
        Place::Port { ip: ip.to_owned(), port }
    }

    fn open(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Place::Port { ip, port } => {
                let stream = TcpStream::connect((ip.as_str(), *port))?;
                stream.set_read_timeout(Some(LIMIT))?;
                Box::new(stream)
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(LIMIT))?;
                Box::new(stream)
            }
        })
    }
}

/// One of the two APIs at one place.
#[derive(Debug, PartialEq, Eq)]
struct Door {
    place: Place,
    path: String,
}

/// All places where an API may be served: janus.transport.http.jcfg's first, then those of the built-in web server. Which of them
/// are open, the configuration alone does not tell: a transport may be disabled.
pub struct Doors(Vec<Door>);

impl Doors {
    pub fn janus(installation: &Installation) -> Result<Doors, AskError> {
        let (http, own) = files(installation);
        let items = ["http", "port", "base_path", "ip"];
        let mut doors: Vec<Door> = transport(&http, "general", items, 8088, "/janus").into_iter().collect();
        if builtin(&own) {
            let port = WEB_PORT.of(&own).and_then(|port| port.trim().parse().ok());
            doors.extend(
                port.map(|port| Door {
                    place: Place::port(WEB_IP.of(&own), port),
                    path: "/janus".to_owned(),
                }),
            );
        }
        some(doors, "the Janus API")
    }

    pub fn admin(installation: &Installation) -> Result<Doors, AskError> {
        let (http, own) = files(installation);
        let items = ["admin_http", "admin_port", "admin_base_path", "admin_ip"];
        let mut doors: Vec<Door> = transport(&http, "admin", items, 7088, "/admin").into_iter().collect();
        let port = WEB_ADMIN_PORT.of(&own).and_then(|port| port.trim().parse().ok());
        let places = builtin(&own).then(|| {
            [
                port.map(|port| Place::port(WEB_ADMIN_IP.of(&own), port)),
                WEB_ADMIN_UNIX.of(&own).map(|path| Place::Unix(installation.folder.join(path))),
            ]
        });
        doors.extend(
            places.into_iter().flatten().flatten().map(|place| Door { place, path: "/admin".to_owned() }),
        );
        some(doors, "the Admin API")
    }

    /// The answer, unless it is an error.
    pub fn ask(&self, request: &Json) -> Result<Json, AskError> {
        let body = request.dump(crate::json::dump::COMPACT).unwrap_or_default();
        judged(&self.first(|door| door.exchange("POST", &door.path, &body))?)
    }

    /// `GET …/info` of the Janus API, which needs no secret.
    pub fn info(&self) -> Result<Json, AskError> {
        let path = |door: &Door| format!("{}/info", door.path.trim_end_matches('/'));
        judged(&self.first(|door| door.exchange("GET", &path(door), ""))?)
    }

    /// What the first says that is open; if none is, why the first is not.
    fn first(&self, ask: impl Fn(&Door) -> Result<String, AskError>) -> Result<String, AskError> {
        let mut failed = None;
        for door in &self.0 {
            match ask(door) {
                Err(error @ AskError::Io { .. }) => failed = failed.or(Some(error)),
                answered => return answered,
            }
        }
        Err(failed.unwrap_or(AskError::NoDoor("the API")))
    }
}

fn some(doors: Vec<Door>, name: &'static str) -> Result<Doors, AskError> {
    if doors.is_empty() { Err(AskError::NoDoor(name)) } else { Ok(Doors(doors)) }
}

/// Nothing says that it is off.
fn builtin(own: &Config) -> bool {
    WEB_ENABLED.written(own).is_none() || WEB_ENABLED.of(own)
}

/// Of the HTTP transport and of our own; one that cannot be read says nothing.
fn files(installation: &Installation) -> (Config, Config) {
    let read = |name| installation.file(name).unwrap_or_else(|| Config::new(name));
    (read("janus.transport.http.jcfg"), read("janus-rs.jcfg"))
}

fn transport(
    http: &Config,
    category: &str,
    [switch, port, path, ip]: [&str; 4],
    default: u16,
    base: &str,
) -> Option<Door> {
    let value = |item| http.value(category, item);
    let number = value(port).and_then(|port| port.trim().parse().ok()).unwrap_or(default);
    http.is_true(category, switch)
        .then(|| Door { place: Place::port(value(ip), number), path: value(path).unwrap_or(base).to_owned() })
}

impl Door {
    fn exchange(&self, method: &str, path: &str, body: &str) -> Result<String, AskError> {
        let io = |error| AskError::Io { place: self.place.clone(), error };
        let mut stream = self.place.open().map_err(io)?;
        let host = match &self.place {
            Place::Port { ip, .. } => ip,
            Place::Unix(_) => "localhost",
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(io)?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).map_err(io)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// The object in the answer, in whichever pieces the body came (RFC 9112 §7.1): between the first and the last brace there is
/// nothing else, unless it came in chunks.
fn judged(answer: &str) -> Result<Json, AskError> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(AskError::NoJson)?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { joined(body) } else { body.to_owned() };
    let json = Json::parse(body.trim().as_bytes(), 0).map_err(|_| AskError::NoJson)?;
    match json.get("error") {
        None => Ok(json),
        Some(error) => Err(AskError::Refused {
            code: error.get("code").and_then(|code| code.as_i64()).unwrap_or(0),
            reason: error.get("reason").and_then(|r| r.as_str().map(str::to_owned)).unwrap_or_default(),
        }),
    }
}

fn joined(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16) else {
            break;
        };
        let Some(chunk) = rest.get(..size).filter(|_| size > 0) else { break };
        text.push_str(chunk);
        body = rest[size..].trim_start_matches("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let plain = judged("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"janus\":\"success\"}").unwrap();
        assert_eq!(plain.get("janus").unwrap().as_str(), Some("success"));
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\n\r\n";
        assert_eq!(judged(chunked).unwrap().get("a").unwrap().as_i64(), Some(1));
        let refused = judged("HTTP/1.1 200 OK\r\n\r\n{\"error\":{\"code\":403,\"reason\":\"no\"}}");
        assert_eq!(refused.unwrap_err().to_string(), "403: no");
        assert!(judged("HTTP/1.1 404 Not Found\r\n\r\n<html>").is_err());
    }

    fn places(doors: Result<Doors, AskError>) -> Vec<String> {
        doors.map(|doors| doors.0.iter().map(|door| door.place.to_string()).collect()).unwrap_or_default()
    }

    #[test]
    fn doors_of_both() {
        let folder = std::env::temp_dir().join(format!("janus-rs-doors-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let at = |http: &str, own: &str| {
            std::fs::write(folder.join("janus.transport.http.jcfg"), http).unwrap();
            std::fs::write(folder.join("janus-rs.jcfg"), own).unwrap();
            let found = Installation::find(Some(folder.clone()), None, None).unwrap();
            (places(Doors::janus(&found)), places(Doors::admin(&found)))
        };
        let (janus, admin) =
            at("general: { http = true; port = 81 }\nadmin: { admin_http = false; admin_ip = \"::\" }", "");
        assert_eq!(janus, ["port 81 of 127.0.0.1", "port 8090 of 127.0.0.1"]);
        assert!(admin.is_empty());
        let (janus, admin) = at(
            "admin: { admin_http = true; admin_ip = \"192.0.2.1\" }",
            "web: { port = 83; admin_port = 82; admin_unix = \"door\" }",
        );
        assert_eq!(janus, ["port 83 of 127.0.0.1"]);
        let unix = folder.join("door").display().to_string();
        assert_eq!(admin, ["port 7088 of 192.0.2.1", "port 82 of 127.0.0.1", &unix]);
        let (janus, admin) = at("", "web: { enabled = false; admin_port = 82 }");
        assert!(janus.is_empty() && admin.is_empty());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
