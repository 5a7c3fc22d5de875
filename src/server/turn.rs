//! TURN servers: those of the configuration, and those of a REST API ("A REST API For Access To TURN Services",
//! draft-uberti-behave-turn-rest), which gives them with credentials that end.
#![forbid(unsafe_code)]

use super::error::OptionError;
use super::https;
use crate::config::{Config, atoi};
use crate::core::Core;
use crate::json::Json;
use crate::media::turn::{Server, Transport};
use crate::options;
use crate::util::network;
use std::net::SocketAddr;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where a URI names no port (RFC 7065 §3).
const PORT: u16 = 3478;
const TLS_PORT: u16 = 5349;
/// When credentials say nothing of their end; the draft recommends a day.
const LIFE: Duration = Duration::from_secs(86_400);
/// They are asked for again after this part of their life.
const PART: f64 = 0.8;
/// Least and most of that.
const SOONEST: Duration = Duration::from_secs(10);
const LATEST: Duration = Duration::from_secs(7 * 86_400);
/// After a failure: at first, and at most.
const AGAIN: Duration = Duration::from_secs(5);
const AGAIN_MOST: Duration = Duration::from_secs(300);
/// Bytes of an answer.
const LARGEST: u64 = 64 << 10;
/// Servers of an answer that are looked up.
const MOST: usize = 8;

/// `turn_server` and what belongs to it; empty where there is none, or where the REST API takes its place. An error ends the
/// start (CP-035).
pub fn configured(config: &Config) -> Result<Vec<Server>, OptionError> {
    if options::TURN_REST_API.of(config).is_some() {
        return Ok(Vec::new());
    }
    let Some(host) = options::TURN_SERVER.of(config) else { return Ok(Vec::new()) };
    let none = |why: OptionError| why.unless_ignored(config).map(|()| Vec::new());
    let kind = options::TURN_TYPE.of(config).unwrap_or_default();
    let Some(transport) = Transport::from_name(kind) else {
        return none(OptionError::TurnType(kind.to_owned()));
    };
    let Some(port) = options::TURN_PORT.of(config).and_then(|port| u16::try_from(atoi(port)).ok()) else {
        tracing::warn!("Invalid turn_port: not using the TURN server");
        return Ok(Vec::new());
    };
    let Some(address) = network::resolve(host) else {
        return none(OptionError::Unresolved { kind: "TURN", host: host.to_owned() });
    };
    let text = |option: options::Opt<options::Text>| option.of(config).unwrap_or_default().to_owned();
    Ok(vec![Server {
        host: host.to_owned(),
        address: SocketAddr::new(address, port),
        transport,
        username: text(options::TURN_USER),
        password: text(options::TURN_PWD).into(),
    }])
}

/// The REST API, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    url: String,
    key: Option<String>,
    post: bool,
    timeout: Duration,
    /// Whom the credentials are for.
    username: String,
}

impl Rest {
    /// `None` without one. An error ends the start (CP-036).
    pub fn configured(config: &Config) -> Result<Option<Rest>, OptionError> {
        let Some(url) = options::TURN_REST_API.of(config) else { return Ok(None) };
        let known = ["http://", "https://"].iter().any(|scheme| url.to_ascii_lowercase().starts_with(scheme));
        if !known {
            return Err(OptionError::TurnRestApi(url.to_owned()));
        }
        let method = options::TURN_REST_API_METHOD.of(config).unwrap_or("POST");
        if !["GET", "POST"].iter().any(|known| method.eq_ignore_ascii_case(known)) {
            return Err(OptionError::TurnRestMethod(method.to_owned()));
        }
        Ok(Some(Rest {
            url: url.to_owned(),
            key: options::TURN_REST_API_KEY.of(config).map(str::to_owned),
            post: method.eq_ignore_ascii_case("POST"),
            timeout: Duration::from_secs(options::TURN_REST_API_TIMEOUT.of(config).into()),
            username: options::SERVER_NAME.of(config).unwrap_or_default().to_owned(),
        }))
    }

    /// What is asked for, as a query.
    fn query(&self) -> String {
        let key = self.key.as_deref().map(escaped);
        let key = key.map_or(String::new(), |key| format!("&api={key}&key={key}"));
        format!("service=turn{key}&username={}", escaped(&self.username))
    }

    fn address(&self) -> String {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.url, self.query())
    }

    /// Blocks.
    fn ask(&self) -> Result<Answer, String> {
        let config = ureq::config::Config::builder().timeout_global(Some(self.timeout)).build();
        let agent = https::agent(config);
        let address = self.address();
        // As the reference does it, with the query in the body as well.
        let post = || {
            let form = "application/x-www-form-urlencoded";
            agent.post(&address).content_type(form).send(self.query())
        };
        let answer = if self.post { post() } else { agent.get(&address).call() };
        // The address has the key in it.
        let mut answer = answer.map_err(|error| error.to_string().replace(&address, &self.url))?;
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        Answer::read(&body.map_err(|error| error.to_string())?)
    }
}

/// All that is not unreserved (RFC 3986 §2.3) as its bytes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// What the REST API says.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    username: String,
    password: String,
    life: Duration,
    uris: Vec<String>,
}

impl Answer {
    fn read(body: &[u8]) -> Result<Answer, String> {
        let json = Json::parse(body, 0).map_err(|_| "the answer is no JSON".to_owned())?;
        let text = |json: &Json, name: &str| {
            json.get(name).and_then(|value| value.as_str().map(str::to_owned)).ok_or(format!("no {name}"))
        };
        let uris = json.get("uris").filter(Json::is_array).ok_or("no uris")?;
        let uris = uris.elements().filter_map(|uri| uri.as_str().map(str::to_owned)).collect();
        let life = json.get("ttl").and_then(|ttl| ttl.as_i64()).and_then(|ttl| u64::try_from(ttl).ok());
        Ok(Answer {
            username: text(&json, "username")?,
            password: text(&json, "password")?,
            life: life.map_or(LIFE, Duration::from_secs),
            uris,
        })
    }

    fn servers(&self) -> Vec<Server> {
        let of = |uri: &String| {
            let uri = Uri::read(uri)?;
            Some(Server {
                address: SocketAddr::new(network::resolve(&uri.host)?, uri.port),
                host: uri.host,
                transport: uri.transport,
                username: self.username.clone(),
                password: self.password.clone().into(),
            })
        };
        self.uris.iter().take(MOST).filter_map(of).collect()
    }
}

/// `turn:HOST[:PORT][?transport=udp|tcp]`, `turns:…` (RFC 7065).
#[derive(Debug, PartialEq, Eq)]
struct Uri {
    host: String,
    port: u16,
    transport: Transport,
}

impl Uri {
    fn read(text: &str) -> Option<Uri> {
        let (scheme, rest) = text.split_once(':')?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "turn" => false,
            "turns" => true,
            _ => return None,
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = match (query.split('&').find_map(|part| part.strip_prefix("transport=")), secure) {
            (None | Some("udp"), false) => Transport::Udp,
            (Some("tcp"), false) => Transport::Tcp,
            (None | Some("tcp"), true) => Transport::Tls,
            _ => return None,
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let usual = if secure { TLS_PORT } else { PORT };
        let port = port.map_or(Some(usual), |port| port.parse().ok())?;
        (!host.is_empty()).then(|| Uri { host: host.to_owned(), port, transport })
    }
}

/// Asks the REST API, and again before the credentials end. Dropping it ends the thread, at the latest when the request that is
/// under way has its answer or no time any more.
pub struct Renewal {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Renewal {
    pub fn start(core: &Arc<Core>, rest: Rest) -> std::io::Result<Renewal> {
        let (stop, stopped) = sync_channel::<()>(0);
        let core = Arc::downgrade(core);
        let thread = crate::util::thread::spawn("turn rest", move || {
            let mut failures = 0;
            loop {
                let pause = match ask_once(&rest, &core) {
                    Ok(pause) => {
                        failures = 0;
                        pause
                    }
                    Err(why) => {
                        tracing::warn!("turn_rest_api {}: {why}", rest.url);
                        failures += 1;
                        AGAIN.saturating_mul(1 << failures.min(6)).min(AGAIN_MOST)
                    }
                };
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Renewal { stop: Some(stop), thread: Some(thread) })
    }
}

/// Until when the next one.
fn ask_once(rest: &Rest, core: &Weak<Core>) -> Result<Duration, String> {
    let answer = rest.ask()?;
    let servers = answer.servers();
    if servers.is_empty() {
        return Err(format!("none of its {} servers can be used", answer.uris.len()));
    }
    tracing::info!("TURN servers of turn_rest_api: {servers:?}");
    if let Some(core) = core.upgrade()
        && let Some(engine) = core.engine()
    {
        engine.use_relays(servers);
    }
    Ok(answer.life.mul_f64(PART).clamp(SOONEST, LATEST))
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn rest(url: &str, post: bool) -> Rest {
        Rest {
            url: url.to_owned(),
            key: Some("k&y".into()),
            post,
            timeout: Duration::from_secs(10),
            username: "My Janus".into(),
        }
    }

    // CP-036.
    #[test]
    fn a_rest_api_is_asked_by_http() {
        let configured = |url: &str| {
            let text = format!("nat: {{ turn_rest_api = \"{url}\" }}");
            let config = Config::parse("x.jcfg", text.as_bytes(), &crate::config::no_include).unwrap();
            Rest::configured(&config).map(|rest| rest.is_some())
        };
        assert!(matches!(configured("https://turn.example/get"), Ok(true)));
        assert!(matches!(configured("HTTP://turn.example"), Ok(true)));
        assert!(matches!(configured("turn.example"), Err(OptionError::TurnRestApi(_))));
        assert!(matches!(configured("ftp://turn.example"), Err(OptionError::TurnRestApi(_))));
    }

    #[test]
    fn uris_of_turn_servers() {
        let read = |text: &str| Uri::read(text).map(|uri| (uri.host, uri.port, uri.transport));
        let some = |host: &str, port, transport| Some((host.to_owned(), port, transport));
        assert_eq!(read("turn:a.example"), some("a.example", 3478, Transport::Udp));
        assert_eq!(read("turn:192.0.2.1:80?transport=tcp"), some("192.0.2.1", 80, Transport::Tcp));
        assert_eq!(read("turns:a.example:443?transport=tcp"), some("a.example", 443, Transport::Tls));
        assert_eq!(read("TURNS:[2001:db8::1]"), some("2001:db8::1", 5349, Transport::Tls));
        assert_eq!(read("turn:[2001:db8::1]:5?transport=udp"), some("2001:db8::1", 5, Transport::Udp));
        for wrong in ["", "turn:", "stun:a.example", "turn:a:x", "turns:a?transport=udp", "turn:[::1", "a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn answers_of_the_rest_api() {
        let full =
            br#"{"username":"1:x","password":"p","ttl":600,"uris":["turn:192.0.2.1","stun:192.0.2.1",7]}"#;
        let answer = Answer::read(full).unwrap();
        assert_eq!(answer.life, Duration::from_secs(600));
        let servers = answer.servers();
        assert_eq!(servers.len(), 1);
        assert_eq!((&*servers[0].username, &**servers[0].password), ("1:x", "p"));
        let without_end = Answer::read(br#"{"username":"x","password":"p","uris":[]}"#).unwrap();
        assert_eq!((without_end.life, without_end.servers()), (LIFE, vec![]));
        for wrong in
            ["", "[]", r#"{"username":"x","password":"p"}"#, r#"{"username":1,"password":"p","uris":[]}"#]
        {
            assert!(Answer::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    // MP-115
    #[test]
    fn the_rest_api_is_asked_with_service_key_and_name() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/turn", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            let body = r#"{"username":"u","password":"p","uris":["turn:192.0.2.1"]}"#;
            let serve = |status: &str| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let is_whole = |request: &[u8]| {
                    let text = std::str::from_utf8(request).unwrap();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
                    let length = head.to_ascii_lowercase();
                    let length =
                        length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    body.len() == length.unwrap_or(0)
                };
                while !is_whole(&request) {
                    let mut bytes = [0; 500];
                    let len = stream.read(&mut bytes).unwrap();
                    request.extend(&bytes[..len]);
                }
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + body).as_bytes()).unwrap();
                let request = String::from_utf8(request).unwrap();
                let (line, body) =
                    (request.lines().next().unwrap(), request.split("\r\n\r\n").nth(1).unwrap());
                format!("{line} {body}").trim_end().to_owned()
            };
            [serve("200 OK"), serve("200 OK"), serve("403 Forbidden")]
        });
        for post in [false, true] {
            assert_eq!(rest(&url, post).ask().unwrap().username, "u");
        }
        let refused = rest(&url, false).ask().unwrap_err();
        assert!(!refused.contains("k%26y"), "{refused}");
        let query = "service=turn&api=k%26y&key=k%26y&username=My%20Janus";
        let lines = serving.join().unwrap();
        let get = format!("GET /turn?{query} HTTP/1.1");
        assert_eq!(lines, [get.clone(), format!("POST /turn?{query} HTTP/1.1 {query}"), get]);
        assert!(rest("http://h/?a=b", true).address().starts_with("http://h/?a=b&service=turn&"));
    }
}
