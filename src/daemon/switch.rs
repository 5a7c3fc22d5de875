//! `janus-rs switch`: from the unit of Janus to ours over the same configuration, and back.
#![forbid(unsafe_code)]

use super::check::{self, Installation, JANUS_UNIT, State, keys, root, unit, written};
use super::http::Doors;
use super::system::System;
use crate::options;
use crate::server::ports;
use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const OUR_UNIT: &str = "janus-rs.service";
/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(300);
/// Switches of Janus that put it into the background, which the unit of ours does not want.
const BACKGROUND: [&str; 2] = ["-b", "--daemon"];

/// One thing to do.
enum Step {
    Run(Vec<String>),
    Write(PathBuf, String),
    Remove(PathBuf),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Run(words) => {
                write!(f, "{}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
            }
            Step::Write(path, text) => {
                write!(f, "write {}:", path.display())?;
                text.lines().try_for_each(|line| write!(f, "\n    {line}"))
            }
            Step::Remove(path) => write!(f, "rm -f {}", path.display()),
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

impl Step {
    fn take(&self) -> io::Result<()> {
        match self {
            Step::Run(words) => {
                let status = Command::new(&words[0]).args(&words[1..]).status()?;
                if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
            }
            Step::Write(path, text) => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(path, text)
            }
            Step::Remove(path) => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }
}

fn systemctl(words: &[&str]) -> Step {
    Step::Run(["systemctl"].iter().chain(words).map(|word| (*word).to_owned()).collect())
}

fn has_systemd() -> bool {
    let asked = Command::new("systemctl").args(["show", "--property=Version"]).output();
    asked.is_ok_and(|output| output.status.success())
}

/// `active` and the like, or nothing.
fn state_of(unit: &str) -> String {
    let asked = Command::new("systemctl").args(["is-active", unit]).output();
    asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

pub fn run(to: &str, installation: &Installation, dry: bool, system: &dyn System) -> i32 {
    match to {
        "status" => status(installation),
        "back" => back(installation, dry),
        _ => to_rs(installation, dry, system),
    }
}

fn status(installation: &Installation) -> i32 {
    if has_systemd() {
        for unit in [JANUS_UNIT, OUR_UNIT] {
            println!("{unit}: {}", state_of(unit));
        }
    }
    match who_answers(installation) {
        Ok(who) => println!("the Janus API is served by {who}"),
        Err(why) => println!("the Janus API gives no answer: {why}"),
    }
    0
}

/// `janus-rs 0.1.0`, or `Janus 1.1.2`.
fn who_answers(installation: &Installation) -> Result<String, String> {
    let info = Doors::janus(installation).and_then(|doors| doors.info()).map_err(|why| why.to_string())?;
    let text = |name: &str| info.get(name).and_then(|value| value.as_str().map(str::to_owned));
    match (text("implementation"), text("implementation_version")) {
        (Some(name), version) => Ok(format!("{name} {}", version.unwrap_or_default())),
        (None, _) => Ok(format!("Janus {}", text("version_string").unwrap_or_default())),
    }
}

fn wait_for(installation: &Installation, ours: bool) -> Result<String, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = who_answers(installation);
        match &answer {
            Ok(who) if who.starts_with("janus-rs ") == ours => return answer,
            _ if Instant::now() >= end => return Err(answer.unwrap_or_else(|why| why)),
            _ => std::thread::sleep(PAUSE),
        }
    }
}

/// The program that runs now, with what the unit of Janus gives its own: the same configuration, not in the background.
fn command(installation: &Installation) -> Vec<String> {
    let program =
        std::env::current_exe().map_or("/usr/bin/janus-rs".to_owned(), |path| path.display().to_string());
    let mut words = vec![program];
    match &installation.unit {
        Some(unit) => words
            .extend(unit.command[1..].iter().filter(|word| !BACKGROUND.contains(&word.as_str())).cloned()),
        None => words.extend(["-F".to_owned(), installation.folder.display().to_string()]),
    }
    let names_folder = words.iter().any(|word| word == "-F" || word.starts_with("--configs-folder"));
    if !names_folder && installation.folder != Path::new(crate::server::files::CONFIG_FOLDER) {
        words.extend(["-F".to_owned(), installation.folder.display().to_string()]);
    }
    if let (Some(_), Ok(config)) = (&installation.modules, &installation.config) {
        for (kind, switch) in [("plugins", "-P"), ("transports", "--transports-folder")] {
            if options::modules(kind).folder.of(config).is_none() {
                words.extend([switch.to_owned(), installation.module_folder(kind).display().to_string()]);
            }
        }
    }
    words
}

/// What a hardened unit has to allow, and which command line it gets.
fn drop_in(installation: &Installation) -> String {
    let words: Vec<String> = command(installation).iter().map(|word| in_unit(word)).collect();
    let mut text = format!(
        "# Written by `janus-rs switch to-rs`; `janus-rs switch back` removes it.\n[Service]\nExecStart=\nExecStart={}\n",
        words.join(" ")
    );
    let paths: BTreeSet<PathBuf> = written(installation).into_iter().map(|(_, path)| path).collect();
    for path in &paths {
        // One that is not there is no reason not to start.
        let _ = writeln!(text, "ReadWritePaths=-{}", in_unit(&path.display().to_string()));
    }
    let mut groups = BTreeSet::new();
    let mut allow = |file: &Path, bit: u32, what: &str, mode: &str| match whom(file, bit) {
        Whom::Anybody => {}
        Whom::Group(group) => {
            groups.insert(group);
        }
        Whom::Owner => {
            let file = quoted(&file.display().to_string());
            let _ = writeln!(
                text,
                "# {file}: {what} by its owner only. For user janus-rs: chgrp janus-rs {file} && chmod {mode} {file}"
            );
        }
    };
    for path in &paths {
        allow(path, 0o2, "can be written", "g+rwx");
    }
    for key in keys(installation) {
        allow(&key, 0o4, "can be read", "g+r");
    }
    for group in groups {
        let _ = writeln!(text, "SupplementaryGroups={group}");
    }
    text
}

/// systemd.unit(5): quotes around blanks, `%` doubled.
fn in_unit(word: &str) -> String {
    let word = word.replace('%', "%%");
    if word.contains(char::is_whitespace) || word.is_empty() { format!("\"{word}\"") } else { word }
}

/// Who may do something with a file besides its owner.
enum Whom {
    Anybody,
    Group(String),
    Owner,
}

/// `bit`: of the permissions, as for others. Of a file that is not there nothing is to be said.
fn whom(file: &Path, bit: u32) -> Whom {
    let Ok(found) = fs::metadata(file) else { return Whom::Anybody };
    if found.mode() & bit != 0 {
        return Whom::Anybody;
    }
    group_of(found.gid()).filter(|_| found.mode() & (bit << 3) != 0).map_or(Whom::Owner, Whom::Group)
}

/// Its name; none for root's.
fn group_of(number: u32) -> Option<String> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find(|line| line.split(':').nth(2).is_some_and(|n| n.parse() == Ok(number)))?;
    Some(line.split(':').next()?.to_owned()).filter(|name| name != "root")
}

/// For an installation without our package.
fn own_unit() -> &'static str {
    "# Written by `janus-rs switch to-rs`; `janus-rs switch back` removes it.\n\
     [Unit]\nDescription=WebRTC server for Janus modules\nAfter=network-online.target\nWants=network-online.target\n\
     Conflicts=janus.service\n\n\
     [Service]\nType=notify\nExecStart=/usr/bin/janus-rs\nExecReload=/bin/kill -HUP $MAINPID\nRestart=on-failure\n\
     RestartPreventExitStatus=78\nWatchdogSec=30\nLimitNOFILE=65536\nUMask=0027\n\n\
     [Install]\nWantedBy=multi-user.target\n"
}

fn unit_file() -> PathBuf {
    root().join("etc/systemd/system").join(OUR_UNIT)
}

fn drop_in_file() -> PathBuf {
    root().join("etc/systemd/system/janus-rs.service.d/switch.conf")
}

fn plan_to_rs(installation: &Installation) -> Vec<Step> {
    let mut steps = Vec::new();
    if unit(OUR_UNIT).is_none() {
        steps.push(Step::Write(unit_file(), own_unit().to_owned()));
    }
    steps.push(Step::Write(drop_in_file(), drop_in(installation)));
    steps.push(systemctl(&["daemon-reload"]));
    steps.push(systemctl(&["disable", "--now", JANUS_UNIT]));
    steps.push(systemctl(&["enable", "--now", OUR_UNIT]));
    steps
}

fn plan_back() -> Vec<Step> {
    let mut steps = vec![systemctl(&["disable", "--now", OUR_UNIT]), Step::Remove(drop_in_file())];
    // A unit of ours, not the package's.
    if fs::read_to_string(unit_file()).is_ok_and(|text| text == own_unit()) {
        steps.push(Step::Remove(unit_file()));
    }
    steps.push(systemctl(&["daemon-reload"]));
    steps.push(systemctl(&["enable", "--now", JANUS_UNIT]));
    steps
}

fn show(steps: &[Step]) {
    steps.iter().for_each(|step| println!("{step}"));
}

fn take(steps: &[Step]) -> Result<(), String> {
    steps.iter().try_for_each(|step| {
        step.take().map_err(|why| format!("{}: {why}", step.to_string().lines().next().unwrap_or_default()))
    })
}

fn to_rs(installation: &Installation, dry: bool, system: &dyn System) -> i32 {
    if !has_systemd() {
        return by_hand(installation, true);
    }
    let findings = check::look(installation, system);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.state == State::Error).collect();
    errors.iter().for_each(|finding| println!("{finding}"));
    let steps = plan_to_rs(installation);
    show(&steps);
    if dry {
        return i32::from(!errors.is_empty());
    }
    if !errors.is_empty() {
        eprintln!("janus-rs switch: not with {} errors; nothing was changed", errors.len());
        return 1;
    }
    let done = take(&steps).and_then(|()| wait_for(installation, true));
    match done {
        Ok(who) => {
            println!("the Janus API is served by {who}; `janus-rs switch back` is the way back");
            0
        }
        Err(why) => {
            eprintln!("janus-rs switch: {why}; undoing it");
            let undo = plan_back();
            show(&undo);
            // Each of them, whatever became of the others.
            let failed: Vec<String> =
                undo.iter().filter_map(|step| take(std::slice::from_ref(step)).err()).collect();
            failed.iter().for_each(|why| eprintln!("janus-rs switch: {why}"));
            match wait_for(installation, false) {
                Ok(who) => println!("the Janus API is served by {who} again"),
                Err(why) => eprintln!("janus-rs switch: Janus does not answer: {why}"),
            }
            1
        }
    }
}

fn back(installation: &Installation, dry: bool) -> i32 {
    if !has_systemd() {
        return by_hand(installation, false);
    }
    let steps = plan_back();
    show(&steps);
    if dry {
        return 0;
    }
    match take(&steps).and_then(|()| wait_for(installation, false)) {
        Ok(who) => {
            println!("the Janus API is served by {who}");
            0
        }
        Err(why) => {
            eprintln!("janus-rs switch: {why}");
            1
        }
    }
}

/// Without systemd: what to type.
fn by_hand(installation: &Installation, ours: bool) -> i32 {
    println!("# There is no systemd here. What your service manager would have to do:");
    let disabled =
        installation.config.as_ref().map(|config| options::TRANSPORTS_DISABLE.of(config)).unwrap_or_default();
    let holders: BTreeSet<String> = ports::wanted(&installation.folder, &disabled)
        .into_iter()
        .filter_map(|wanted| wanted.holder)
        .collect();
    for holder in holders {
        // `janus (process 7)`
        if let Some((name, process)) =
            holder.strip_suffix(')').and_then(|holder| holder.split_once(" (process "))
        {
            println!("kill {process}  # {name}, which serves now");
        }
    }
    let words = match (ours, &installation.unit) {
        (false, Some(unit)) => unit.command.clone(),
        (false, None) => vec!["janus".to_owned(), "-F".to_owned(), installation.folder.display().to_string()],
        (true, _) => command(installation),
    };
    println!("{}", Step::Run(words));
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted() {
        let step = Step::Run(["a", "b c", "d'e", ""].map(str::to_owned).into());
        assert_eq!(step.to_string(), r"a 'b c' 'd'\''e' ''");
        assert_eq!(["/a/b", "/a b", "50%"].map(in_unit), ["/a/b", "\"/a b\"", "50%%"]);
        assert_eq!(group_of(0), None);
    }
}
