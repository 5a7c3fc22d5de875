//! What the tests with real modules share: compiling C, running the daemon, asking it over HTTP.
#![allow(dead_code)] // each test uses its part

mod ports;

use janus_rs::json::Json;
pub use ports::free_port;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const DAEMON: &str = env!("CARGO_BIN_EXE_janus-rs");

/// The folder of Debian's modules.
pub fn debian() -> PathBuf {
    format!("/usr/lib/{}-linux-gnu/janus", std::env::consts::ARCH).into()
}

/// All compiled modules of one kind.
pub fn modules(kind: &str) -> Vec<PathBuf> {
    let folder = debian().join(kind);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("package janus, {}: {e}", folder.display()));
    let mut files: Vec<_> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "so")).collect();
    files.sort();
    files
}

/// File names for `transports.disable`.
pub fn all_transports_but(name: &str) -> Vec<String> {
    let files =
        modules("transports").into_iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned());
    files.filter(|file| !file.contains(name)).collect()
}

/// A folder of its own, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("janus-rs-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn flags() -> Vec<String> {
    let output =
        Command::new("pkg-config").args(["--cflags", "glib-2.0", "jansson"]).output().expect("pkg-config");
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

/// Runs the C compiler with the SDK headers, as strict as users may be.
pub fn cc(arguments: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new("cc")
        .current_dir(root)
        .args([
            "-std=gnu11",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-isystem",
            "include/janus",
            "-Iinclude",
        ])
        .args(flags())
        .args(arguments)
        .output()
        .expect("a C compiler")
}

/// Compiles one of our C plugins into `folder`.
pub fn plugin(source: &str, folder: &Path) -> PathBuf {
    plugin_with(source, folder, &[])
}

/// [`plugin`] with more compiler arguments.
pub fn plugin_with(source: &str, folder: &Path, more: &[&str]) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let library = folder.join(Path::new(source).with_extension("so").file_name().unwrap());
    let arguments = ["-shared", "-fPIC", "-O2", "-o", library.to_str().unwrap(), source];
    let output = cc(&[&arguments, more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// A running daemon with Debian's HTTP transport.
pub struct Daemon {
    child: Child,
    pub port: u16,
    pub folder: Folder,
}

/// A request over HTTP; status and JSON of the reply.
pub fn post(port: u16, path: &str, body: &str) -> std::io::Result<(u16, Json)> {
    exchange(
        port,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

fn exchange(port: u16, request: &str) -> std::io::Result<(u16, Json)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(40)))?;
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    let text = String::from_utf8_lossy(&reply);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let start = text.find(['{', '[']).ok_or_else(|| std::io::Error::other(format!("no JSON: {text}")))?;
    let end = text.rfind(['}', ']']).unwrap_or(start);
    let json = Json::parse(&text.as_bytes()[start..=end], 0);
    json.map(|json| (status, json)).map_err(|e| std::io::Error::other(e.text))
}

impl Daemon {
    /// Starts with the plugins of `plugins` and more lines of janus.jcfg; waits until it answers.
    pub fn start(folder: Folder, plugins: &Path, more: &str) -> Daemon {
        let disable = all_transports_but("http").join(",");
        Daemon::start_with(folder, plugins, &format!("transports: {{ disable = \"{disable}\" }}\n{more}"))
    }

    /// As [`Daemon::start`], with all transports unless `more` disables some.
    pub fn start_with(folder: Folder, plugins: &Path, more: &str) -> Daemon {
        let port = free_port();
        folder.write("janus.transport.http.jcfg", &format!(
            "general: {{ json = \"compact\"; base_path = \"/janus\"; http = true; port = {port}; ip = \"127.0.0.1\"; https = false }}\nadmin: {{ admin_http = false; admin_https = false }}\n"
        ));
        folder.write("janus.jcfg", &format!(
            "general: {{ plugins_folder = \"{}\"; log_to_file = \"{}\"; debug_colors = false }}\n{more}\n",
            plugins.display(), folder.0.join("log").display()
        ));
        let child = Command::new(DAEMON)
            .args(["-F", folder.0.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut daemon = Daemon { child, port, folder };
        let limit = Instant::now() + Duration::from_secs(60);
        while daemon.try_post("/janus", r#"{"janus":"ping","transaction":"t"}"#).is_err() {
            assert!(daemon.child.try_wait().unwrap().is_none(), "it ended:\n{}", daemon.log());
            assert!(Instant::now() < limit, "it does not answer:\n{}", daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.0.join("log")).unwrap_or_default()
    }

    fn try_post(&self, path: &str, body: &str) -> std::io::Result<Json> {
        post(self.port, path, body).map(|(_, json)| json)
    }

    fn exchange(&self, request: &str) -> std::io::Result<Json> {
        exchange(self.port, request).map(|(_, json)| json)
    }

    /// A request of the Janus API; the reply.
    pub fn post(&self, path: &str, body: &str) -> Json {
        self.try_post(path, body).unwrap_or_else(|e| panic!("{body}: {e}\n{}", self.log()))
    }

    /// The next event of a session.
    pub fn event(&self, session: i64) -> Json {
        self.exchange(&format!(
            "GET /janus/{session}?maxev=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ))
        .unwrap_or_else(|e| panic!("event: {e}\n{}", self.log()))
    }

    pub fn create(&self) -> i64 {
        id(&self.post("/janus", r#"{"janus":"create","transaction":"t"}"#))
    }

    pub fn attach(&self, session: i64, package: &str) -> i64 {
        let body = format!(r#"{{"janus":"attach","transaction":"t","plugin":"{package}"}}"#);
        id(&self.post(&format!("/janus/{session}"), &body))
    }

    /// A `message` with this body; the reply.
    pub fn message(&self, session: i64, handle: i64, body: &str) -> Json {
        let body = format!(r#"{{"janus":"message","transaction":"t","body":{body}}}"#);
        self.post(&format!("/janus/{session}/{handle}"), &body)
    }

    /// SIGTERM; the exit status and the log.
    pub fn stop(self) -> (Option<i32>, String) {
        let Stopped { status, log, .. } = self.stop_but_keep_folder();
        (status, log)
    }

    /// [`Daemon::stop`], after which the folder is still there.
    pub fn stop_but_keep_folder(mut self) -> Stopped {
        let done = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
        let status = self.child.wait().unwrap().code();
        Stopped { status, log: self.log(), daemon: self }
    }
}

/// How a daemon has ended.
pub struct Stopped {
    pub status: Option<i32>,
    pub log: String,
    pub daemon: Daemon,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn id(reply: &Json) -> i64 {
    reply
        .get("data")
        .and_then(|d| d.get("id"))
        .and_then(|i| i.as_i64())
        .unwrap_or_else(|| panic!("{reply:?}"))
}

/// The value at this path of names.
pub fn at(value: &Json, path: &[&str]) -> Json {
    path.iter().fold(value.clone(), |v, name| v.get(name).unwrap_or_else(|| panic!("no {name} in {value:?}")))
}
