use super::*;
use crate::modules::host::{CoreHost, HandleHost, Incoming};
use crate::transports::readers::Readers;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

// RFC 6455 §1.3
#[test]
fn the_key_of_the_rfc() {
    assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

/// A core that does what the request says, on the thread that brings it.
struct Core {
    gate: Mutex<Receiver<()>>,
    /// Of blocked requests: whether their thread was relieved.
    blocked: Sender<bool>,
}

fn text(text: &str) -> Json {
    Json::object().with("text", text)
}

impl CoreHost for Core {
    fn incoming_request(&self, _: Arc<dyn Connection>, _: Incoming) {
        unreachable!()
    }
    fn incoming_request_here(&self, from: Arc<dyn Connection>, request: Incoming) {
        let json = request.message.unwrap();
        let wanted = json.get("do").unwrap();
        match wanted.as_str().unwrap() {
            "two" => ["first", "second"].into_iter().for_each(|one| from.send_message(0, false, text(one))),
            "large" => {
                (0..8).for_each(|_| from.send_message(0, false, text(&"x".repeat(TOGETHER / 2))));
            }
            "announce" => from.announce(0, false, text("announced")),
            "follow" => {
                from.announce(0, false, text("announced"));
                thread::spawn(move || from.send_message(0, false, text("followed")));
            }
            "block" => relief::call(|| {
                from.send_message(0, false, text("blocks"));
                self.gate.lock().unwrap().recv().unwrap();
                from.send_message(0, false, text("blocked"));
                self.blocked.send(relief::is_relieved()).unwrap();
            }),
            "panic" => panic!("on purpose"),
            "own" => from.session_created(1),
            other => from.send_message(0, false, text(other)),
        }
    }
    fn transport_gone(&self, _: &str, _: usize) {
        let _ = self.blocked.send(false);
    }
    fn events_is_enabled(&self) -> bool {
        false
    }
    fn notify_plugin_event(&self, _: &str, _: Option<&dyn HandleHost>, _: Json) {}
    fn notify_transport_event(&self, _: &str, _: usize, _: Json) {}
    fn auth_is_signed(&self) -> bool {
        false
    }
    fn auth_is_signature_valid(&self, _: &str, _: Option<&str>) -> bool {
        false
    }
    fn auth_signature_contains(&self, _: &str, _: Option<&str>, _: &str) -> bool {
        false
    }
    fn is_api_secret_needed(&self) -> bool {
        false
    }
    fn is_api_secret_valid(&self, _: Option<&str>) -> bool {
        true
    }
    fn is_auth_token_needed(&self) -> bool {
        false
    }
    fn is_auth_token_valid(&self, _: Option<&str>) -> bool {
        true
    }
}

struct World {
    core: Arc<Core>,
    open: Sender<()>,
    blocked: Receiver<bool>,
    readers: Readers,
    stop: watch::Sender<()>,
}

type Asker = WebSocket<UnixStream>;

impl World {
    fn new() -> World {
        let (open, gate) = channel();
        let (inside, blocked) = channel();
        let core = Arc::new(Core { gate: Mutex::new(gate), blocked: inside });
        World { core, open, blocked, readers: Readers::default(), stop: watch::channel(()).0 }
    }

    /// A client that has sent `early` already.
    fn client(&self, early: &[&str]) -> Asker {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut client = WebSocket::from_raw_socket(theirs, Role::Client, None);
        let wire = Wire::Unix(tokio::net::UnixStream::from_std(ours).unwrap());
        let door = Door { core: self.core.clone(), kind: Kind::Janus, origins: Arc::default() };
        let agreed = Agreed { client: Client::Local, deflates: false };
        let mut bytes = vec![0; 4096];
        early.iter().for_each(|request| ask(&mut client, request));
        client.flush().unwrap();
        let length = if early.is_empty() { 0 } else { peek(&wire, &mut bytes) };
        bytes.truncate(length);
        let socket = Socket::new(wire, Duration::from_secs(3600));
        let place = self.readers.place().unwrap();
        let served = begin(socket, bytes.into(), door, PACKAGE, Arc::default(), agreed, place).unwrap();
        tokio::spawn(served.serve(self.stop.subscribe()));
        client
    }
}

/// What has been sent to it.
fn peek(wire: &Wire, bytes: &mut [u8]) -> usize {
    use rustix::net::{RecvFlags, recv};
    recv(wire, bytes, RecvFlags::empty()).unwrap().0
}

fn ask(client: &mut Asker, wanted: &str) {
    client.write(Message::text(format!(r#"{{"do":"{wanted}"}}"#))).unwrap();
}

fn hear(client: &mut Asker) -> String {
    loop {
        if let Message::Text(message) = client.read().unwrap() {
            let message = Json::parse(message.as_bytes(), 0).unwrap();
            return message.get("text").unwrap().as_str().unwrap().to_owned();
        }
    }
}

fn answered(client: &mut Asker, wanted: &str) -> String {
    ask(client, wanted);
    client.flush().unwrap();
    hear(client)
}

/// Bytes of a message of the server that carries this text.
fn framed(one: &str) -> usize {
    2 + text(one).dump(dump::COMPACT).unwrap().len()
}

#[tokio::test]
async fn what_a_turn_has_to_say_leaves_together() {
    let world = World::new();
    let mut client = world.client(&[]);
    let mut bytes = [0; 4096];
    // Of one request, and of several that are read at once.
    ask(&mut client, "two");
    client.flush().unwrap();
    let length = client.get_mut().read(&mut bytes).unwrap();
    assert_eq!(length, framed("first") + framed("second"));
    let mut client = world.client(&["a", "b", "two", "c"]);
    let length = client.get_mut().read(&mut bytes).unwrap();
    assert_eq!(length, ["a", "b", "first", "second", "c"].map(framed).iter().sum::<usize>());
}

#[tokio::test]
async fn what_is_announced_does_not_wait_for_what_never_comes() {
    let world = World::new();
    let mut client = world.client(&[]);
    assert_eq!(answered(&mut client, "announce"), "announced");
    // In order, whatever it waits for.
    for _ in 0..200 {
        assert_eq!(
            (answered(&mut client, "follow"), hear(&mut client)),
            ("announced".into(), "followed".into())
        );
    }
    ask(&mut client, "announce");
    assert_eq!((answered(&mut client, "a"), hear(&mut client)), ("announced".into(), "a".into()));
}

#[tokio::test]
async fn more_than_leaves_together_leaves_as_well() {
    let world = World::new();
    let mut client = world.client(&[]);
    ask(&mut client, "large");
    client.flush().unwrap();
    (0..8).for_each(|_| assert_eq!(hear(&mut client).len(), TOGETHER / 2));
    assert_eq!(answered(&mut client, "a"), "a");
}

#[tokio::test]
async fn a_request_that_blocks_delays_nobody() {
    let world = World::new();
    let (mut one, mut other) = (world.client(&[]), world.client(&[]));
    for _ in 0..3 {
        // What had been said before is not kept back.
        assert_eq!(answered(&mut one, "block"), "blocks");
        assert_eq!(answered(&mut other, "a"), "a");
        // Nor is what the same client asks for next, read at once with it or not.
        assert_eq!(answered(&mut one, "b"), "b");
        world.open.send(()).unwrap();
        assert_eq!(hear(&mut one), "blocked");
        assert_eq!(world.blocked.recv(), Ok(true));
    }
    let mut third = world.client(&["block", "a"]);
    assert_eq!((hear(&mut third), hear(&mut third)), ("blocks".into(), "a".into()));
    world.open.send(()).unwrap();
    assert_eq!(hear(&mut third), "blocked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connections_end() {
    let world = World::new();
    let ended = |client: &mut Asker| while client.read().is_ok() {};
    // The client hangs up in the middle of things, and is answered what it had asked for.
    let mut client = world.client(&[]);
    ask(&mut client, "own");
    ask(&mut client, "a");
    client.flush().unwrap();
    client.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(hear(&mut client), "a");
    ended(&mut client);
    assert_eq!(world.blocked.recv(), Ok(false));
    // One that goes wrong is the only one that ends.
    let (mut other, mut client) = (world.client(&[]), world.client(&["panic"]));
    ended(&mut client);
    assert_eq!(answered(&mut other, "a"), "a");
    // Its task ends; so does everything when the server stops.
    let (mut idle, mut owner) = (world.client(&[]), world.client(&["own", "a"]));
    assert_eq!(hear(&mut owner), "a");
    world.stop.send(()).unwrap();
    ended(&mut idle);
    ended(&mut owner);
    assert_eq!(world.blocked.recv(), Ok(false));
}
