//! What a request costs: several clients, each of which creates a session, attaches to the echo test, sends it a message,
//! detaches and destroys, over and over, over the distribution's WebSocket transport.
#![forbid(unsafe_code)]

use crate::Arguments;
use crate::server::{Kind, Server};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

/// Connections, each in a closed loop.
const CLIENTS: usize = 8;
/// A reply that takes longer is missing.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
struct Outcome {
    requests: u64,
    us_per_request: f64,
    switches_per_request: f64,
    requests_per_second: f64,
    threads: u64,
}

/// Alternating runs of all servers; prints a table. False when something failed.
pub fn run(arguments: &Arguments) -> bool {
    let mut outcomes = vec![Vec::new(); arguments.kinds.len()];
    for _ in 0..arguments.runs {
        for (kind, outcomes) in arguments.kinds.iter().zip(&mut outcomes) {
            match measure(kind, arguments) {
                Ok(outcome) => {
                    if arguments.options.verbose {
                        eprintln!("{} signal: {outcome:?}", kind.name);
                    }
                    outcomes.push(outcome);
                }
                Err(error) => eprintln!("{} signal: {error}", kind.name),
            }
        }
    }
    println!("| scenario | server | CPU µs/request | ratio | switches/request | requests/s | threads |");
    println!("|---|---|---|---|---|---|---|");
    let mut base = None;
    for (kind, outcomes) in arguments.kinds.iter().zip(&outcomes) {
        let of = |field: &dyn Fn(&Outcome) -> f64| median(outcomes.iter().map(field).collect());
        let us = of(&|o| o.us_per_request);
        println!(
            "| signal | {} | {us:.1} | {:.2} | {:.2} | {:.0} | {:.0} |",
            kind.name,
            us / *base.get_or_insert(us),
            of(&|o| o.switches_per_request),
            of(&|o| o.requests_per_second),
            of(&|o| o.threads as f64),
        );
    }
    outcomes.iter().all(|outcomes| outcomes.len() == arguments.runs)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn measure(kind: &Kind, arguments: &Arguments) -> Result<Outcome, String> {
    let server = Server::start(kind, arguments.options.core).map_err(text)?;
    let (answered, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let outcome = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| Client::connect(server.port)?.go_on(&answered, &stop)))
            .collect();
        let result: Result<Outcome, String> = (|| {
            thread::sleep(Duration::from_secs(1));
            let reading =
                || Ok::<_, String>((server.usage().map_err(text)?, answered.load(Ordering::Relaxed)));
            let (before, from) = reading()?;
            thread::sleep(Duration::from_secs(arguments.options.seconds));
            let (after, to) = reading()?;
            let requests = to - from;
            let each = |value: f64| value / requests.max(1) as f64;
            Ok(Outcome {
                requests,
                us_per_request: each((after.cpu - before.cpu).as_secs_f64() * 1e6),
                switches_per_request: each(
                    (after.context_switches.saturating_sub(before.context_switches)) as f64,
                ),
                requests_per_second: requests as f64 / arguments.options.seconds as f64,
                threads: after.threads,
            })
        })();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| "a client panicked".to_owned())??;
        }
        result
    })?;
    if outcome.requests == 0 { Err("no request was answered".into()) } else { Ok(outcome) }
}

struct Client {
    socket: WebSocket<TcpStream>,
    transactions: u64,
}

impl Client {
    fn connect(port: u16) -> Result<Client, String> {
        let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().map_err(text)?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "janus-protocol".parse().map_err(text)?);
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
        let (socket, _) = tungstenite::client(request, stream).map_err(text)?;
        Ok(Client { socket, transactions: 0 })
    }

    fn go_on(mut self, answered: &AtomicU64, stop: &AtomicBool) -> Result<(), String> {
        while !stop.load(Ordering::Relaxed) {
            let mut request = |request: Value| {
                let reply = self.request(request);
                answered.fetch_add(1, Ordering::Relaxed);
                reply
            };
            let session = id(&request(json!({"janus": "create"}))?)?;
            let attach = json!({"janus": "attach", "session_id": session, "plugin": "janus.plugin.echotest"});
            let handle = id(&request(attach)?)?;
            let at = |janus: &str| json!({"janus": janus, "session_id": session, "handle_id": handle});
            let mut message = at("message");
            message["body"] = json!({"audio": true});
            request(message)?;
            request(at("detach"))?;
            request(json!({"janus": "destroy", "session_id": session}))?;
        }
        Ok(())
    }

    /// The reply, or the event that it announces.
    fn request(&mut self, mut request: Value) -> Result<Value, String> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        request["transaction"] = json!(transaction);
        self.socket.send(Message::text(request.to_string())).map_err(text)?;
        loop {
            let Message::Text(reply) = self.socket.read().map_err(text)? else { continue };
            let reply: Value = serde_json::from_str(&reply).map_err(text)?;
            if reply["transaction"] != json!(transaction) || reply["janus"] == "ack" {
                continue;
            }
            if reply["janus"] == "error" {
                return Err(format!("{request}: {reply}"));
            }
            return Ok(reply);
        }
    }
}

fn id(reply: &Value) -> Result<u64, String> {
    reply["data"]["id"].as_u64().ok_or_else(|| format!("no id in {reply}"))
}
