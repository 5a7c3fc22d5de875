//! What the program does besides serving: `janus-rs COMMAND …`. Man pages and completions are made from the same definitions.
#![forbid(unsafe_code)]

use super::check;
#[cfg(test)]
use super::cli;
use super::drain;
use super::report;
use super::switch;
use super::system::System;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::OsString;
use std::path::PathBuf;

pub const CHECK: &str = "check";
pub const REPORT: &str = "report";
pub const DRAIN: &str = "drain";
pub const SWITCH: &str = "switch";

fn folder(name: &'static str, short: char, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .short(short)
        .value_name("FOLDER")
        .value_parser(value_parser!(PathBuf))
        .help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

/// Which installation is meant.
fn of_installation(command: Command) -> Command {
    command
        .arg(folder("configs-folder", 'F', "Where the configuration is"))
        .arg(folder("prefix", 'p', "An installation from source: PREFIX/etc/janus, PREFIX/lib/janus"))
        .arg(
            Arg::new("unit")
                .long("unit")
                .value_name("UNIT")
                .help("The systemd unit whose ExecStart says it; without any of the three janus.service, if there is one"),
        )
}

/// The commands, for the command line, the man pages and the completions.
pub fn all() -> [Command; 4] {
    let check = of_installation(Command::new(CHECK))
        .about("Would these modules load? Without files: does this installation work?")
        .long_about(
            "With files: whether these modules would load, as what, and what is missing. Each is opened in a process of its own.\n\n\
             Without files: looks at a whole installation: configuration files, modules, ports, certificates, limits, folders, STUN \
             and TURN servers, secrets. One line per finding, with what to do.",
        )
        .after_help("Exit status: 0 without errors (there may be warnings), else 1.")
        .arg(Arg::new("files").value_name("FILE").num_args(0..).value_parser(value_parser!(PathBuf)).help("Modules"))
        .arg(
            Arg::new("abi-generations")
                .long("abi-generations")
                .value_name("LIST")
                .value_delimiter(',')
                .help("With files: what plugins were compiled for, as plugins.abi_generations in janus.jcfg: FILE=B3 or FILE=1.1.2"),
        )
        .arg(flag("json", "One JSON object per finding"));
    let report = of_installation(Command::new(REPORT))
        .about("A text for a bug report")
        .long_about(
            "Versions, limits, modules with their generations, what `check` finds, the configuration, the end of the log and the last \
             crash. Values of items that are called secret, token, key, pin or password are masked, wherever they stand.",
        );
    let drain = of_installation(Command::new(DRAIN))
        .about("Take no new sessions")
        .long_about(
            "Asks the running server through its Admin API (HTTP): new sessions are refused (472), `/readyz` says 503, those that \
             there are go on. The Admin request `accept_new_sessions` undoes it.",
        )
        .after_help("Exit status: 0, or 1 when the server could not be asked.")
        .arg(flag("wait", "Return when there is no PeerConnection any more"));
    let switch = of_installation(Command::new(SWITCH))
        .about("From Janus to janus-rs and back")
        .long_about(
            "`to-rs` shows what it is going to do, checks the installation, stops and disables the unit of Janus, starts janus-rs over \
             the same configuration and asks it for `info`; when anything fails, all of it is undone. `back` is the way back. Without \
             systemd the commands are printed.",
        )
        .arg(
            Arg::new("to")
                .value_name("WHERE")
                .required(true)
                .value_parser(["to-rs", "back", "status"])
                .help("to-rs, back, or status: which of the two serves"),
        )
        .arg(flag("dry-run", "Only show what would be done"));
    [check, report, drain, switch]
}

/// `None`: the command line names no command. Else the exit status.
pub fn run(arguments: &[OsString], system: &dyn System) -> Option<i32> {
    let name = arguments.get(1)?.to_str()?;
    let command = all().into_iter().find(|command| command.get_name() == name)?;
    let command = command.bin_name(format!("janus-rs {name}")).disable_version_flag(true);
    let matches = match command.try_get_matches_from(&arguments[1..]) {
        Ok(matches) => matches,
        Err(error) => {
            let asked = error.kind() == clap::error::ErrorKind::DisplayHelp;
            if asked {
                print!("{error}");
            } else {
                eprint!("{error}");
            }
            return Some(i32::from(!asked));
        }
    };
    Some(act(name, &matches, system))
}

fn act(name: &str, matches: &ArgMatches, system: &dyn System) -> i32 {
    let files: Vec<PathBuf> = match name {
        CHECK => matches.get_many("files").into_iter().flatten().cloned().collect(),
        _ => Vec::new(),
    };
    if !files.is_empty() {
        let generations: Vec<String> =
            matches.get_many("abi-generations").into_iter().flatten().cloned().collect();
        return check::modules(&files, &generations, system);
    }
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let unit = matches.get_one::<String>("unit").map(String::as_str);
    let installation = match check::Installation::find(path("configs-folder"), path("prefix"), unit) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("janus-rs {name}: {why}");
            return 1;
        }
    };
    match name {
        CHECK => check::installation(&installation, matches.get_flag("json"), system),
        REPORT => report::print(&installation, system),
        DRAIN => drain::run(&installation, matches.get_flag("wait")),
        _ => {
            let to = matches.get_one::<String>("to").map_or("status", String::as_str);
            switch::run(to, &installation, matches.get_flag("dry-run"), system)
        }
    }
}

/// The whole command line, as people read about it.
#[cfg(test)]
pub fn described() -> Command {
    cli::command().subcommands(all().map(|command| command.disable_version_flag(true)))
}
