//! `janus-rs report`: a text for a bug report, without secrets.
#![forbid(unsafe_code)]

use super::check::{self, Installation};
use super::mask::Secrets;
use super::system::System;
use crate::core::settings::Facts;
use crate::options;
use std::collections::VecDeque;
use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

/// Lines of the log's end.
const LINES: usize = 200;
/// No more of a file is looked at for them.
const TAIL: u64 = 1 << 20;

/// All of it, on standard output.
pub fn print(installation: &Installation, system: &dyn System) -> i32 {
    print!("{}", text(installation, system));
    0
}

fn text(installation: &Installation, system: &dyn System) -> String {
    let mut secrets = Secrets::default();
    // First: what stands in any file is masked everywhere.
    let configurations = configurations(installation, &mut secrets);
    let mut text = String::new();
    section(&mut text, "Versions", &versions());
    section(&mut text, "Unit", &unit(installation));
    let findings: String =
        check::look(installation, system).iter().map(|finding| format!("{finding}\n")).collect();
    section(&mut text, "Check", &findings);
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    section(&mut text, "Limits of this shell", &limits);
    for (name, content) in configurations {
        section(&mut text, &name, &content);
    }
    section(&mut text, "The last crash", &crash(installation));
    section(&mut text, "End of the log", &log(installation));
    secrets.mask(&text)
}

fn section(text: &mut String, title: &str, content: &str) {
    let _ = writeln!(text, "== {title}\n{}\n", content.trim_end());
}

fn versions() -> String {
    let facts = Facts::default();
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("?");
    let kernel = std::fs::read_to_string("/proc/version").unwrap_or_default();
    let mut text =
        format!("janus-rs {} ({}, {})\n", env!("CARGO_PKG_VERSION"), facts.commit_hash, facts.compile_time);
    let libraries = [
        ("glib", crate::glib::version()),
        ("jansson", crate::json::version()),
        ("openssl", openssl::version::version().to_owned()),
    ];
    for (library, version) in libraries {
        let _ = writeln!(text, "{library} {version}");
    }
    let _ = writeln!(text, "system {name}\nkernel {}", kernel.trim());
    let format = "${Package} ${Version}\n";
    text + &said(Command::new("dpkg-query").args(["-W", "-f", format, "janus", "janus-rs", "libjanus-rs0"]))
}

fn unit(installation: &Installation) -> String {
    match &installation.unit {
        Some(unit) => format!("{}: {}\n", unit.file.display(), unit.command.join(" ")),
        None => "none".to_owned(),
    }
}

/// Every file, masked; what cannot be read is left out, for nobody knows what in it is secret.
fn configurations(installation: &Installation, secrets: &mut Secrets) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, config) in installation.files() {
        let content = match config {
            Ok(mut config) => {
                secrets.take(&mut config);
                config.to_text("for a report")
            }
            Err(why) => format!("{why}: left out"),
        };
        all.push((path.display().to_string(), content));
    }
    // What the command line of the unit says, too.
    if let Ok(config) = &installation.config {
        secrets.take(&mut config.clone());
    }
    all
}

fn crash(installation: &Installation) -> String {
    let Some(file) = installation.config.as_ref().ok().and_then(|config| options::CRASH_FILE.of(config))
    else {
        return "no general.crash_file is configured; a report stands in the log".to_owned();
    };
    let lines = last_lines(Path::new(file), LINES).unwrap_or_else(|why| vec![format!("{file}: {why}")]);
    // Reports are appended.
    let last = lines.iter().rposition(|line| line.contains("[FATAL] Crash")).unwrap_or(0);
    lines[last..].join("\n")
}

fn log(installation: &Installation) -> String {
    let file = installation.config.as_ref().ok().and_then(|config| options::LOG_TO_FILE.of(config));
    if let Some(file) = file {
        return match last_lines(Path::new(file), LINES) {
            Ok(lines) => format!("{file}\n{}", lines.join("\n")),
            Err(why) => format!("{file}: {why}"),
        };
    }
    let lines = LINES.to_string();
    let units = ["-u", "janus-rs.service", "-u", "janus.service"];
    said(Command::new("journalctl").args(["--no-pager", "-q", "-n", &lines]).args(units))
}

/// Standard output; nothing when there is no such program.
fn said(command: &mut Command) -> String {
    match command.output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(_) => String::new(),
    }
}

fn last_lines(path: &Path, most: usize) -> std::io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut lines = VecDeque::new();
    for line in BufReader::new(file.take(TAIL)).split(b'\n') {
        if lines.len() == most {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(&line?).into_owned());
    }
    Ok(lines.into())
}
