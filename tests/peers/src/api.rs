//! A client of the Janus API and of the Admin API, over WebSocket.

use crate::LIMIT;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Below the server's session timeout of 60 s.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// One connection. Its session, if it has one, ends with it.
#[derive(Clone)]
pub struct Api {
    outgoing: mpsc::UnboundedSender<Value>,
    incoming: Arc<Incoming>,
}

#[derive(Default)]
struct Incoming {
    number: AtomicU64,
    waiting: Mutex<HashMap<String, oneshot::Sender<Value>>>,
    /// Whatever was not a reply, in order of arrival; never shortened.
    events: watch::Sender<Vec<Value>>,
}

impl Incoming {
    fn take(&self, message: Value) {
        if message["janus"] == "ack" {
            return; // of a request whose reply comes later, or of a keepalive
        }
        let waiting =
            message["transaction"].as_str().and_then(|name| self.waiting.lock().unwrap().remove(name));
        match waiting {
            Some(waiting) => drop(waiting.send(message)),
            None => self.events.send_modify(|events| events.push(message)),
        }
    }
}

impl Api {
    pub async fn connect(port: u16, protocol: &'static str) -> Self {
        let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().expect("an address");
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
        let (socket, _) = tokio_tungstenite::connect_async(request).await.expect("a connection");
        let (mut sink, mut stream) = socket.split();
        let (outgoing, mut requests) = mpsc::unbounded_channel::<Value>();
        let incoming = Arc::new(Incoming::default());
        let reader = incoming.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    request = requests.recv() => match request {
                        Some(request) => sink.send(Message::text(request.to_string())).await.expect("an open connection"),
                        None => break,
                    },
                    message = stream.next() => match message {
                        Some(Ok(Message::Text(text))) => reader.take(serde_json::from_str(&text).expect("JSON")),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break,
                    },
                }
            }
            let _ = sink.close().await;
        });
        Api { outgoing, incoming }
    }

    /// The reply to a request; for plugin messages the plugin's event.
    ///
    /// # Panics
    /// When the reply is an error, or does not come.
    pub async fn request(&self, mut request: Value) -> Value {
        let name = self.incoming.number.fetch_add(1, Ordering::Relaxed).to_string();
        request["transaction"] = json!(name);
        let (sender, reply) = oneshot::channel();
        self.incoming.waiting.lock().unwrap().insert(name, sender);
        self.outgoing.send(request.clone()).expect("an open connection");
        let reply =
            timeout(LIMIT, reply).await.unwrap_or_else(|_| panic!("no reply to {request}")).expect("a reply");
        assert_ne!(reply["janus"], "error", "{request} → {reply}");
        reply
    }

    /// A new session, kept alive as long as this connection.
    pub async fn create(&self) -> u64 {
        let session = self.request(json!({"janus": "create"})).await["data"]["id"].as_u64().expect("an id");
        let outgoing = self.outgoing.downgrade();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(KEEPALIVE);
            loop {
                every.tick().await;
                let Some(outgoing) = outgoing.upgrade() else { break };
                let _ = outgoing
                    .send(json!({"janus": "keepalive", "session_id": session, "transaction": "keepalive"}));
            }
        });
        session
    }

    pub async fn attach(&self, session: u64, plugin: &str) -> Handle {
        let request =
            json!({"janus": "attach", "session_id": session, "plugin": format!("janus.plugin.{plugin}")});
        let id = self.request(request).await["data"]["id"].as_u64().expect("an id");
        Handle { api: self.clone(), session, id }
    }

    pub async fn destroy(&self, session: u64) {
        self.request(json!({"janus": "destroy", "session_id": session})).await;
    }

    /// The first event, past or future, that `fits`.
    async fn event(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut events = self.incoming.events.subscribe();
        let found = timeout(LIMIT, events.wait_for(|events| events.iter().any(&fits))).await;
        let events = found.unwrap_or_else(|_| panic!("no {what} in {:?}", self.incoming.events.borrow()));
        events.expect("an open connection").iter().find(|event| fits(event)).expect("it was found").clone()
    }
}

/// One handle of a session.
#[derive(Clone)]
pub struct Handle {
    pub api: Api,
    pub session: u64,
    pub id: u64,
}

impl Handle {
    fn request(&self, janus: &str) -> Value {
        json!({"janus": janus, "session_id": self.session, "handle_id": self.id})
    }

    /// Sends a message to the plugin; its reply, with a JSEP if there is one.
    pub async fn message(&self, body: Value, jsep: Option<Value>) -> Value {
        let mut request = self.request("message");
        request["body"] = body;
        if let Some(jsep) = jsep {
            request["jsep"] = jsep;
        }
        self.api.request(request).await
    }

    /// Sends an SDP offer that names all candidates with a message; the SDP of the plugin's answer.
    pub async fn offer(&self, body: Value, sdp: &str) -> String {
        let reply = self.message(body, Some(json!({"type": "offer", "sdp": sdp, "trickle": false}))).await;
        assert_eq!(reply["jsep"]["type"], "answer", "{reply}");
        reply["jsep"]["sdp"].as_str().expect("an SDP").into()
    }

    /// The first event of this handle with this name, past or future, such as `webrtcup`.
    pub async fn event(&self, name: &str) -> Value {
        self.api.event(name, |event| event["janus"] == name && event["sender"] == self.id).await
    }

    /// The first notification of the plugin, past or future, that `fits`.
    pub async fn notification(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let event = self.api.event(what, |event| {
            event["janus"] == "event" && event["sender"] == self.id && fits(&event["plugindata"]["data"])
        });
        event.await["plugindata"]["data"].take()
    }

    /// How many events with this name came so far.
    pub fn count(&self, name: &str) -> usize {
        let events = self.api.incoming.events.borrow();
        events.iter().filter(|event| event["janus"] == name && event["sender"] == self.id).count()
    }

    pub async fn hangup(&self) {
        self.api.request(self.request("hangup")).await;
    }

    pub async fn detach(&self) {
        self.api.request(self.request("detach")).await;
    }
}
