//! The Janus API over one WebSocket. While a reply is awaited, the clients' media goes on.
#![forbid(unsafe_code)]

use crate::world::World;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

pub struct Signal {
    socket: WebSocket<TcpStream>,
    session: u64,
    transactions: u64,
}

type Result<T> = std::result::Result<T, String>;

fn text(error: impl ToString) -> String {
    error.to_string()
}

impl Signal {
    pub fn connect(port: u16, world: &mut World) -> Result<Signal> {
        let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().map_err(text)?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "janus-protocol".parse().map_err(text)?);
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let (socket, _) = tungstenite::client(request, stream).map_err(text)?;
        socket.get_ref().set_nonblocking(true).map_err(text)?;
        let mut signal = Signal { socket, session: 0, transactions: 0 };
        signal.session = id(&signal.request(world, json!({"janus": "create"}))?)?;
        Ok(signal)
    }

    pub fn attach(&mut self, world: &mut World, plugin: &str) -> Result<u64> {
        id(&self.request(world, json!({"janus": "attach", "plugin": plugin}))?)
    }

    pub fn keepalive(&mut self, world: &mut World) -> Result<()> {
        self.call(world, json!({"janus": "keepalive"}), |_| true).map(drop)
    }

    /// A request to a plugin; the event that answers it, or the synchronous reply.
    pub fn message(
        &mut self,
        world: &mut World,
        handle: u64,
        body: Value,
        sdp: Option<(&str, &str)>,
    ) -> Result<Value> {
        let mut request = json!({"janus": "message", "handle_id": handle, "body": body});
        if let Some((kind, sdp)) = sdp {
            request["jsep"] = json!({"type": kind, "sdp": sdp});
        }
        let reply = self.request(world, request)?;
        let data = &reply["plugindata"]["data"];
        match data.get("error") {
            Some(error) => Err(format!("{body}: {error}")),
            None => Ok(reply),
        }
    }

    /// No more candidates will follow those in the SDP.
    pub fn candidates_end(&mut self, world: &mut World, handle: u64) -> Result<()> {
        let request = json!({"janus": "trickle", "handle_id": handle, "candidate": {"completed": true}});
        self.call(world, request, |_| true).map(drop)
    }

    fn request(&mut self, world: &mut World, request: Value) -> Result<Value> {
        self.call(world, request, |reply| reply["janus"] != "ack")
    }

    fn call(
        &mut self,
        world: &mut World,
        mut request: Value,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        request["transaction"] = json!(transaction);
        if self.session != 0 {
            request["session_id"] = json!(self.session);
        }
        self.socket.send(Message::text(request.to_string())).map_err(text)?;
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            match self.socket.read() {
                Ok(Message::Text(reply)) => {
                    let reply: Value = serde_json::from_str(&reply).map_err(text)?;
                    if reply["transaction"] != json!(transaction) {
                        continue;
                    }
                    if reply["janus"] == "error" {
                        return Err(format!("{request}: {reply}"));
                    }
                    if wanted(&reply) {
                        return Ok(reply);
                    }
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if Instant::now() > deadline {
                        return Err(format!("no reply to {request}"));
                    }
                    world.run(Duration::from_micros(500), Duration::from_micros(500));
                }
                Err(error) => return Err(text(error)),
            }
        }
    }
}

fn id(reply: &Value) -> Result<u64> {
    reply["data"]["id"].as_u64().ok_or_else(|| format!("no id in {reply}"))
}

/// The SDP of a reply.
pub fn sdp(reply: &Value) -> Result<&str> {
    reply["jsep"]["sdp"].as_str().ok_or_else(|| format!("no SDP in {reply}"))
}
