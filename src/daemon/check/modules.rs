//! Modules, each in a process of its own: it may crash or hang.

use super::{Finding, Installation, State};
use crate::daemon::system::System;
use crate::modules::generation;
use crate::options;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Exit statuses of the process that looks at one module; a module that ends it has another one.
const LOADS: i32 = 71;
const REFUSED: i32 = 72;

/// How long one module may take to answer, unless JANUS_RS_CHECK_SECONDS says otherwise.
const CHECK_SECONDS: u64 = 20;

const KINDS: [&str; 4] = ["plugins", "transports", "events", "loggers"];

/// `janus-rs check FILE…`: 0 when all of them would load. Each is opened in a process of its own, which it may crash or
/// keep for ever. `generations`: as `plugins.abi_generations`.
pub fn check(files: &[PathBuf], generations: &[String], system: &dyn System) -> i32 {
    let generations = generation::configured(generations);
    let limit = std::env::var("JANUS_RS_CHECK_SECONDS").ok().and_then(|s| s.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(CHECK_SECONDS));
    let mut all_good = true;
    for file in files {
        let look = || {
            let (report, good) = crate::modules::check::run(file, &generations);
            print!("{report}");
            let _ = std::io::stdout().flush();
            if good { LOADS } else { REFUSED }
        };
        let problem = match system.in_child(limit, &look) {
            Ok(None) => format!("it hung: no answer within {} s", limit.as_secs()),
            Ok(Some(status)) if matches!(status.code(), Some(LOADS | REFUSED)) => {
                all_good &= status.code() == Some(LOADS);
                continue;
            }
            Ok(Some(status)) => format!("it crashed or ended the process ({status})"),
            Err(error) => error.to_string(),
        };
        all_good = false;
        println!("{}\n  refused: {problem}", file.display());
    }
    i32::from(!all_good)
}

/// A module of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub file: PathBuf,
    pub kind: &'static str,
    /// janus.jcfg says that it is not loaded.
    pub disabled: bool,
}

/// What the server would find in its folders, in their order.
pub fn found(installation: &Installation) -> Vec<Found> {
    let mut all = Vec::new();
    for kind in KINDS {
        let disabled = match &installation.config {
            Ok(config) => options::modules(kind).disable.of(config),
            Err(_) => Vec::new(),
        };
        let mut files =
            crate::modules::loader::all_files(&installation.module_folder(kind)).unwrap_or_default();
        files.sort();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            all.push(Found { kind, disabled: disabled.contains(&name), file });
        }
    }
    all
}

pub fn installed(installation: &Installation, findings: &mut Vec<Finding>) {
    for kind in KINDS {
        let folder = installation.module_folder(kind);
        if !folder.is_dir() && matches!(kind, "plugins" | "transports") {
            findings.push(
                Finding::new(State::Error, "module", folder.display().to_string(), "there is no such folder")
                    .todo(format!("general.{kind}_folder in janus.jcfg, or --prefix")),
            );
        }
    }
    let all = found(installation);
    let enabled: Vec<&Path> = all.iter().filter(|m| !m.disabled).map(|m| m.file.as_path()).collect();
    let generations = installation.config.as_ref().map(|config| options::ABI_GENERATIONS.of(config));
    let reports = reports(&enabled, &generations.unwrap_or_default());
    for module in &all {
        let name = module.file.display().to_string();
        if module.disabled {
            findings.push(Finding::new(State::Note, "module", name, "disabled in janus.jcfg"));
            continue;
        }
        let report = reports.iter().find(|report| report.first().is_some_and(|line| *line == name));
        findings.push(finding(name, report.map(Vec::as_slice).unwrap_or_default()));
    }
    if !all.iter().any(|module| module.kind == "transports" && !module.disabled) {
        findings.push(
            Finding::new(
                State::Error,
                "module",
                "transports",
                "none would be loaded: nobody could ask the server anything",
            )
            .todo("transports.disable in janus.jcfg"),
        );
    }
}

fn finding(name: String, report: &[String]) -> Finding {
    let value = |label: &str| report.iter().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    match (value("refused:"), report.last().map(|line| line.trim())) {
        (Some(why), _) => {
            let missing = value("missing:").map_or_else(String::new, |missing| format!(" ({missing})"));
            Finding::new(State::Error, "module", name, format!("is refused: {why}{missing}"))
                .todo("janus-rs check FILE says more; or disable it")
        }
        (None, Some("loads")) => {
            let package =
                value("package:").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
            let version =
                value("version:").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned();
            let generation = value("generation:").unwrap_or_default();
            let text = format!("loads: {package} {version} {generation}");
            match value("override:") {
                Some(line) => {
                    Finding::new(State::Warning, "module", name, text).todo(format!("to be sure: {line}"))
                }
                None => Finding::new(State::Ok, "module", name, text.trim_end()),
            }
        }
        _ => Finding::new(State::Error, "module", name, "could not be looked at"),
    }
}

/// The lines of `janus-rs check FILE…` for each. In a process of its own, whose standard output is ours alone.
fn reports(files: &[&Path], generations: &[String]) -> Vec<Vec<String>> {
    if files.is_empty() {
        return Vec::new();
    }
    let Ok(program) = std::env::current_exe() else { return Vec::new() };
    let generations = format!("--abi-generations={}", generations.join(","));
    let output = Command::new(program).arg("check").arg(generations).args(files).output();
    let Ok(output) = output else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut reports: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        match reports.last_mut() {
            Some(report) if line.starts_with(' ') => report.push(line.to_owned()),
            // What a module prints of itself belongs to nobody.
            _ if line.starts_with('/') => reports.push(vec![line.to_owned()]),
            _ => {}
        }
    }
    reports
}
