//! A server under test: its configuration, its start and stop, and what the system says about it.
#![forbid(unsafe_code)]

use crate::sys;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which program, and how it is configured.
#[derive(Clone)]
pub struct Kind {
    /// As the table names it.
    pub name: &'static str,
    pub program: PathBuf,
    /// More lines of janus.jcfg's `general`.
    pub general: &'static str,
    /// The library lies beside it.
    pub is_ours: bool,
    /// It serves without a transport module.
    pub builtin: bool,
    /// May use every core, the load's as well.
    pub is_spread: bool,
}

impl Kind {
    pub fn new(name: &'static str, program: &Path) -> Kind {
        Kind {
            name,
            program: program.to_owned(),
            general: "",
            is_ours: false,
            builtin: false,
            is_spread: false,
        }
    }

    pub fn is_reference(&self) -> bool {
        !self.is_ours
    }

    fn cores(&self, core: usize) -> Range<usize> {
        match self.is_spread {
            true => 0..std::thread::available_parallelism().map_or(1, usize::from).max(core + 1),
            false => core..core + 1,
        }
    }
}

pub struct Server {
    child: Child,
    folder: PathBuf,
    /// Of the WebSocket transport, or of the room's web server.
    pub port: u16,
}

/// A reading of the system's accounting.
#[derive(Clone, Copy, Default, Debug)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    pub rss_bytes: u64,
    pub threads: u64,
    pub context_switches: u64,
}

const PLUGINS: [&str; 4] = ["videoroom", "echotest", "streaming", "textroom"];

impl Server {
    /// Starts on one core; returns when the Janus API answers.
    pub fn start(kind: &Kind, core: usize) -> io::Result<Server> {
        let modules = modules();
        let folder = std::env::temp_dir().join(format!("janus-bench-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let but = |kind: &str, wanted: &[&str]| -> io::Result<String> {
            let mut names = Vec::new();
            for entry in fs::read_dir(modules.join(kind))? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".so") && !wanted.iter().any(|wanted| name.contains(wanted)) {
                    names.push(name);
                }
            }
            Ok(names.join(","))
        };
        fs::write(
            folder.join("janus.jcfg"),
            format!(
                "general: {{\n configs_folder = \"{folder}\"\n plugins_folder = \"{modules}/plugins\"\n \
                 transports_folder = \"{modules}/transports\"\n events_folder = \"{folder}\"\n \
                 loggers_folder = \"{folder}\"\n log_to_file = \"{folder}/log\"\n debug_level = 3\n {general}\n}}\n\
                 nat: {{\n ice_enforce_list = \"{address}\"\n}}\n\
                 plugins: {{ disable = \"{plugins}\" }}\ntransports: {{ disable = \"{transports}\" }}\n",
                folder = folder.display(),
                modules = modules.display(),
                address = sys::host(),
                general = kind.general,
                plugins = but("plugins", &PLUGINS)?,
                transports = but("transports", if kind.builtin { &[] } else { &["websockets"] })?,
            ),
        )?;
        fs::write(
            folder.join("janus.transport.websockets.jcfg"),
            format!(
                "general: {{\n ws = true\n ws_port = {port}\n ws_ip = \"127.0.0.1\"\n}}\nadmin: {{\n admin_ws = false\n}}\n"
            ),
        )?;
        if kind.builtin {
            fs::write(
                folder.join("janus-rs.jcfg"),
                format!("web: {{\n ip = \"127.0.0.1\"\n port = {port}\n}}\n"),
            )?;
        }
        for plugin in PLUGINS {
            fs::write(folder.join(format!("janus.plugin.{plugin}.jcfg")), "general: {\n}\n")?;
        }
        let mut command = Command::new(&kind.program);
        command.arg("--configs-folder").arg(&folder).stdin(Stdio::null()).stdout(Stdio::null());
        let output = fs::File::create(folder.join("stderr"))?;
        command.stderr(output);
        let server = Server { child: sys::start_on(kind.cores(core), &mut command)?, folder, port };
        server.listens(kind)
    }

    /// The room of links, examples/embedding/room.c, with the library beside `kind`'s program.
    pub fn start_room(kind: &Kind, core: usize) -> io::Result<Server> {
        let folder = std::env::temp_dir().join(format!("janus-bench-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let library = kind.program.with_file_name("libjanus_rs.so").canonicalize()?;
        std::os::unix::fs::symlink(&library, folder.join("libjanus_rs.so.0"))?;
        let program = folder.join("room");
        let compiled = Command::new("cc")
            .args([
                "-O2",
                "-Iinclude",
                "examples/embedding/room.c",
                "-pthread",
                "-Wl,--allow-shlib-undefined",
                "-o",
            ])
            .args([&program, &library])
            .arg("-lmicrohttpd")
            .status()?;
        if !compiled.success() {
            return Err(io::Error::other("room.c does not compile"));
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(&program);
        command.arg(port.to_string()).arg("examples/embedding/room.html");
        command.env("ADDRESSES", sys::host().to_string()).env("LD_LIBRARY_PATH", &folder);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(folder.join("stderr"))?);
        let server = Server { child: sys::start_on(kind.cores(core), &mut command)?, folder, port };
        server.listens(kind)
    }

    fn listens(mut self, kind: &Kind) -> io::Result<Server> {
        let server = &mut self;
        let port = server.port;
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("{} ended: {status}\n{}", kind.name, server.log())));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{} does not listen\n{}", kind.name, server.log())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // The reference opens its port before all of it is there.
        std::thread::sleep(Duration::from_millis(700));
        Ok(self)
    }

    /// The end of what it has logged.
    pub fn log(&self) -> String {
        let mut text = fs::read_to_string(self.folder.join("stderr")).unwrap_or_default();
        text += &fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn usage(&self) -> io::Result<Usage> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id()));
        let mut usage = Usage {
            cpu: sys::process_cpu(self.child.id()),
            rss_bytes: 1024 * status(&process, "VmRSS:")?,
            ..Usage::default()
        };
        for task in fs::read_dir(process.join("task"))? {
            let task = task?.path();
            usage.threads += 1;
            usage.context_switches += status(&task, "voluntary_ctxt_switches:").unwrap_or(0)
                + status(&task, "nonvoluntary_ctxt_switches:").unwrap_or(0);
        }
        Ok(usage)
    }
}

/// One request to the room's web server; the reply's body.
pub fn post(port: u16, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    match reply.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 201") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("no answer: {reply}"))),
    }
}

fn status(process: &Path, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(process.join("status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("no {name} in {}", process.display())))
}

/// Debian's folder of modules.
fn modules() -> PathBuf {
    format!("/usr/lib/{}-linux-gnu/janus", std::env::consts::ARCH).into()
}

impl Drop for Server {
    fn drop(&mut self) {
        sys::terminate(&self.child);
        let deadline = Instant::now() + Duration::from_secs(8);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
