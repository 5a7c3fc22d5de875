//! Starts the server under test on ports of its own, with a copy of the distribution's configuration.

use crate::api::Api;
use crate::ports::free_port;
use crate::process::Held;
use crate::until;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// Only what the tests use; the others need services that are not there.
const UNUSED_PLUGINS: [&str; 8] =
    ["audiobridge", "duktape", "lua", "nosip", "recordplay", "sip", "videocall", "voicemail"];
const UNUSED_TRANSPORTS: [&str; 5] = ["rabbitmq", "mqtt", "nanomsg", "pfunix", "http"];
const ADMIN_SECRET: &str = "janusoverlord";

/// A running server; ends with the value.
pub struct Server {
    process: Child,
    folder: PathBuf,
    api_port: u16,
    admin_port: u16,
}

/// Lines added to groups of `janus.jcfg`.
#[derive(Default)]
pub struct Settings<'a> {
    pub general: &'a str,
    pub media: &'a str,
    pub nat: &'a str,
}

/// Whether the tests run against the reference: `JANUS_UNDER_TEST=janus`.
pub fn is_reference() -> bool {
    std::env::var("JANUS_UNDER_TEST").is_ok_and(|name| name == "janus")
}

impl Server {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings<'_>) -> Self {
        let folder = own_folder();
        copy(Path::new("/etc/janus"), &folder);
        let (api_port, admin_port) = (free_port(), free_port());
        let write =
            |name: &str, text: String| fs::write(folder.join(name), text).expect("a configuration file");
        let Settings { general, media, nat } = settings;
        write(
            "janus.jcfg",
            format!(
                "general: {{ debug_level = 4; debug_colors = false; admin_secret = \"{ADMIN_SECRET}\"; {general} }}\n\
                 media: {{ {media} }}\n\
                 nat: {{ {nat} }}\n\
                 plugins: {{ disable = \"{}\" }}\n\
                 transports: {{ disable = \"{}\" }}\n",
                files(&UNUSED_PLUGINS),
                files(&UNUSED_TRANSPORTS)
            ),
        );
        write(
            "janus.transport.websockets.jcfg",
            format!(
                "general: {{ json = \"compact\"; ws = true; ws_port = {api_port} }}\n\
                 admin: {{ admin_ws = true; admin_ws_port = {admin_port} }}\n"
            ),
        );
        write("janus-rs.jcfg", "web: { enabled = false }\n".into());
        let log = File::create(folder.join("output.log")).expect("a log");
        let process = Command::new(program())
            .arg("-F")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("a server program");
        let mut server = Server { process, folder, api_port, admin_port };
        server.wait_until_it_answers().await;
        server
    }

    async fn wait_until_it_answers(&mut self) {
        let ports = [self.api_port, self.admin_port];
        for _ in 0..600 {
            if let Some(code) = self.process.try_wait().expect("a status") {
                panic!("the server ended: {code}\n{}", self.output());
            }
            if ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                sleep(Duration::from_millis(700)).await; // the reference may crash when it is asked while it loads
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("the server does not answer\n{}", self.output());
    }

    /// A new connection of a client.
    pub async fn connect(&self) -> Api {
        Api::connect(self.api_port, "janus-protocol").await
    }

    /// Where the Janus API listens for WebSockets.
    pub fn port(&self) -> u16 {
        self.api_port
    }

    /// Number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("output.log")).unwrap_or_default()).into_owned()
    }

    /// Sessions, and handles of all sessions.
    pub async fn registered(&self) -> (usize, usize) {
        let admin = self.admin().await;
        let mut handles = 0;
        let all = ask(&admin, json!({"janus": "list_sessions"})).await;
        let sessions = all["sessions"].as_array().expect("sessions");
        for session in sessions {
            let all = ask(&admin, json!({"janus": "list_handles", "session_id": session})).await;
            handles += all["handles"].as_array().map_or(0, Vec::len);
        }
        (sessions.len(), handles)
    }

    /// What the process holds as soon as only so many handles are left, each with a session of its own; and not more
    /// threads and descriptors than `before`.
    pub async fn at_rest(&self, handles: usize, before: Option<Held>) -> Held {
        until("server at rest", async || {
            if self.registered().await != (handles, handles) {
                return None;
            }
            sleep(Duration::from_millis(500)).await; // the connections of registered() close
            let held = Held::by(self.id());
            let back = before.is_none_or(|before| {
                held.threads <= before.threads && held.descriptors <= before.descriptors
            });
            back.then_some(held)
        })
        .await
    }

    /// What the Admin API says about a handle.
    pub async fn handle_info(&self, session: u64, handle: u64) -> Value {
        let request = json!({"janus": "handle_info", "session_id": session, "handle_id": handle});
        ask(&self.admin().await, request).await["info"].take()
    }

    /// How many PeerConnections each media worker has; nothing without a number of `event_loops`.
    pub async fn loops(&self) -> Vec<u64> {
        let reply = ask(&self.admin().await, json!({"janus": "loops_info"})).await;
        let loops = reply["loops"].as_array().expect("loops");
        loops.iter().map(|each| each["handles"].as_u64().expect("a count")).collect()
    }

    async fn admin(&self) -> Api {
        Api::connect(self.admin_port, "janus-admin-protocol").await
    }

    /// Ends the server as an operator does, which has to end it with code 0 (CP-069).
    pub async fn stop(mut self) {
        let asked = Command::new("kill").arg(self.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "no signal");
        for _ in 0..200 {
            if let Some(code) = self.process.try_wait().expect("a status") {
                assert!(code.success(), "the server ended: {code}\n{}", self.output());
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not end\n{}", self.output());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's last lines\n{}", last_lines(&self.output(), 60));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn ask(admin: &Api, mut request: Value) -> Value {
    request["admin_secret"] = json!(ADMIN_SECRET);
    admin.request(request).await
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn files(names: &[&str]) -> String {
    names.iter().map(|name| format!("libjanus_{name}.so")).collect::<Vec<_>>().join(",")
}

fn program() -> PathBuf {
    if is_reference() {
        return "/usr/bin/janus".into();
    }
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/janus-rs");
    std::env::var_os("JANUS_RS").map_or(built, PathBuf::from)
}

fn own_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("janus-peers-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the distribution's configuration").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}
