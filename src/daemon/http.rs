//! Asks the server that runs here, over plain HTTP: one request, one connection.
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::json::Json;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use thiserror::Error;

const LIMIT: Duration = Duration::from_secs(15);
/// More than any answer has.
const MOST: u64 = 1 << 20;

#[derive(Debug, Error)]
pub enum AskError {
    #[error("{0} serves no plain HTTP")]
    NoDoor(&'static str),
    #[error("port {port} of {ip}: {error}")]
    Io {
        ip: String,
        port: u16,
        #[source]
        error: io::Error,
    },
    #[error("the answer is no JSON")]
    NoJson,
    #[error("{code}: {reason}")]
    Refused { code: i64, reason: String },
}

/// One of the two APIs, as janus.transport.http.jcfg opens it.
pub struct Door {
    ip: String,
    port: u16,
    path: String,
}

impl Door {
    pub fn janus(http: &Config) -> Result<Door, AskError> {
        Door::of(http, "general", ["http", "port", "base_path", "ip"], 8088, "/janus", "the Janus API")
    }

    pub fn admin(http: &Config) -> Result<Door, AskError> {
        let items = ["admin_http", "admin_port", "admin_base_path", "admin_ip"];
        Door::of(http, "admin", items, 7088, "/admin", "the Admin API")
    }

    fn of(
        http: &Config,
        category: &str,
        [switch, port, path, ip]: [&str; 4],
        default: u16,
        base: &str,
        name: &'static str,
    ) -> Result<Door, AskError> {
        if !http.is_true(category, switch) {
            return Err(AskError::NoDoor(name));
        }
        let value = |item| http.value(category, item);
        let ip = value(ip).filter(|ip| !matches!(*ip, "0.0.0.0" | "::")).unwrap_or("127.0.0.1");
        let port = value(port).and_then(|port| port.trim().parse().ok()).unwrap_or(default);
        Ok(Door { ip: ip.to_owned(), port, path: value(path).unwrap_or(base).to_owned() })
    }

    /// The answer, unless it is an error.
    pub fn ask(&self, request: &Json) -> Result<Json, AskError> {
        let body = request.dump(crate::json::dump::COMPACT).unwrap_or_default();
        let answer = self.exchange("POST", &self.path, &body)?;
        judged(&answer)
    }

    /// `GET …/info` of the Janus API, which needs no secret.
    pub fn info(&self) -> Result<Json, AskError> {
        let answer = self.exchange("GET", &format!("{}/info", self.path.trim_end_matches('/')), "")?;
        judged(&answer)
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Result<String, AskError> {
        let io = |error| AskError::Io { ip: self.ip.clone(), port: self.port, error };
        let mut stream = TcpStream::connect((self.ip.as_str(), self.port)).map_err(io)?;
        stream.set_read_timeout(Some(LIMIT)).map_err(io)?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.ip,
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
    use crate::config::no_include;

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

    #[test]
    fn doors() {
        let text = "general: { http = true; port = 81 }\nadmin: { admin_http = false; admin_ip = \"::\" }";
        let config = Config::parse("x.jcfg", text.as_bytes(), &no_include).unwrap();
        let door = Door::janus(&config).unwrap();
        assert_eq!((door.ip.as_str(), door.port, door.path.as_str()), ("127.0.0.1", 81, "/janus"));
        assert!(Door::admin(&config).is_err());
    }
}
