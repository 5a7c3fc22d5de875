//! The command line (control-plane.md §1.2), in the syntax of GOption: `--x=v`, `--x v`, `-x v`. A switch is another
//! way of writing an option of the configuration, so most of them come from [`options`]; the rest is here.
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::options::{self, File, Kind, Row};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;

/// A switch that is no option of a file.
struct Extra {
    long: &'static str,
    short: Option<char>,
    takes_value: bool,
    help: &'static str,
}

const fn flag(long: &'static str, short: Option<char>, help: &'static str) -> Extra {
    Extra { long, short, takes_value: false, help }
}

const fn text(long: &'static str, short: char, help: &'static str) -> Extra {
    Extra { long, short: Some(short), takes_value: true, help }
}

/// `host[:port]`, split at the last colon (CP-023).
const STUN_SERVER: &str = "stun-server";

/// What `-l` says in 1.1.2 and before; later it has a number.
const LIBNICE_DEBUG: &str = "libnice-debug";
/// Whether a configuration that cannot be read counts as empty.
pub const LENIENT: &str = "lenient";

const EXTRAS: [Extra; 8] = [
    text("config", 'C', "Main configuration file"),
    text("configs-folder", 'F', "Where the configuration of the server and of the modules is"),
    flag("disable-stdout", Some('N'), "Do not log to stdout"),
    flag("log-stdout", None, "Log to stdout, whatever the file says, also in the background"),
    text("cwd-path", 'H', "Working directory in the background (default /)"),
    text(STUN_SERVER, 'S', "STUN server, host[:port]"),
    flag(LIBNICE_DEBUG, None, "No effect: libnice is not used; also -l without a number"),
    flag(LENIENT, None, "Start with an empty configuration where janus.jcfg cannot be read"),
];

/// A command line that asks to run.
#[derive(Clone, Debug)]
pub struct Cli(ArgMatches);

/// What a command line asks for.
#[derive(Debug)]
pub enum Request {
    Run(Cli),
    /// `--help` and `--version`: print and end with 0 (CP-002).
    Print(String),
    /// Print to stderr and end with 1 (CP-001).
    Error(String),
}

/// The options that have a switch.
fn switches() -> impl Iterator<Item = (&'static str, Option<char>, &'static Row)> {
    options::ALL.iter().filter_map(|row| row.switch.map(|switch| (switch.long, switch.short, row)))
}

fn arg(long: &'static str, short: Option<char>, help: String) -> Arg {
    let arg = Arg::new(long).long(long).help(help);
    match short {
        Some(short) => arg.short(short),
        None => arg,
    }
}

fn option_arg((long, short, row): (&'static str, Option<char>, &'static Row)) -> Arg {
    match row.kind {
        // The switch says the contrary of the default.
        Kind::Flag(default) => {
            let help = if default { format!("Not: {}", row.help) } else { row.help.to_owned() };
            arg(long, short, help).action(ArgAction::SetTrue)
        }
        Kind::Number { unit, .. } => arg(long, short, row.help.to_owned())
            .allow_negative_numbers(true)
            // With the older meaning of its letter, without a number.
            .num_args(if short == Some('l') { 0..=1 } else { 1..=1 })
            .value_parser(number)
            .value_name(if unit.is_empty() { "N" } else { unit }),
        Kind::Text(_) | Kind::List | Kind::Array | Kind::Unused => {
            arg(long, short, row.help.to_owned()).allow_hyphen_values(true).value_name("VALUE")
        }
    }
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no whole number")]
struct NoNumber;

/// As strtol(3) reads one: also hexadecimal with 0x, octal with 0.
fn number(text: &str) -> Result<i64, NoNumber> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let value = i64::from_str_radix(digits, radix).ok().filter(|_| is_plain);
    value.map(|value| sign * value).ok_or(NoNumber)
}

fn extra_arg(extra: &Extra) -> Arg {
    let arg = arg(extra.long, extra.short, extra.help.to_owned());
    if extra.takes_value {
        arg.allow_hyphen_values(true).value_name("VALUE")
    } else {
        arg.action(ArgAction::SetTrue)
    }
}

/// Everything that starts a server.
pub(super) fn command() -> Command {
    Command::new("janus-rs")
        .about("A WebRTC server for compiled Janus modules")
        .after_help("Commands: janus-rs check, report, drain, switch; each with --help")
        .args_override_self(true)
        .disable_version_flag(true)
        .args(EXTRAS.iter().map(extra_arg))
        .args(switches().map(option_arg))
        .arg(Arg::new("version").long("version").short('V').help("Print version").action(ArgAction::SetTrue))
        // Further arguments are ignored, as the reference does.
        .arg(Arg::new("ignored").num_args(0..).hide(true).value_parser(clap::value_parser!(OsString)))
}

/// Reads the arguments, the first of which is the program's name. `banner` is what `--version` prints.
pub fn parse(arguments: Vec<OsString>, banner: &str) -> Request {
    match command().try_get_matches_from(arguments) {
        Ok(matches) if matches.get_flag("version") => Request::Print(format!("{banner}\n")),
        Ok(matches) => Request::Run(Cli(matches)),
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            Request::Print(error.to_string())
        }
        Err(error) => Request::Error(error.to_string()),
    }
}

impl Cli {
    /// The value of an option that is no configuration item.
    pub fn text(&self, long: &str) -> Option<&str> {
        self.0.get_one::<String>(long).map(String::as_str)
    }

    pub fn has(&self, long: &str) -> bool {
        self.0.get_flag(long)
    }

    /// Writes the options into the configuration: they win (CP-022).
    pub fn fold_into(&self, config: &mut Config) {
        for (long, _, row) in switches() {
            let value = match row.kind {
                Kind::Flag(default) => self.has(long).then(|| if default { "no" } else { "yes" }.to_owned()),
                // Negative ones are not applied.
                Kind::Number { .. } => self.0.get_one::<i64>(long).filter(|n| **n >= 0).map(i64::to_string),
                Kind::Text(_) | Kind::List | Kind::Array | Kind::Unused => self.text(long).map(str::to_owned),
            };
            if let Some(value) = value {
                debug_assert_eq!(row.file, File::Janus);
                config.set(row.category, row.name, &value);
            }
        }
        if let Some(server) = self.text(STUN_SERVER) {
            let (host, port) = server.rsplit_once(':').unwrap_or((server, "3478"));
            options::STUN_SERVER.set(config, host);
            options::STUN_PORT.set(config, port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Request {
        parse(words.split(' ').map(OsString::from).collect(), "banner")
    }

    fn folded(words: &str) -> Config {
        let Request::Run(cli) = parse_words(words) else { panic!("{words} does not run") };
        let mut config = Config::new("janus.jcfg");
        config.set("general", "server_name", "from the file");
        cli.fold_into(&mut config);
        config
    }

    #[test]
    fn the_table_is_sound() {
        command().debug_assert();
    }

    // CP-001
    #[test]
    fn unknown_options_are_errors() {
        assert!(matches!(parse_words("janus-rs --nonsense"), Request::Error(_)));
        for number in ["many", "0b1", "12k", "0x", "08", "--5", "99999999999999999999"] {
            assert!(matches!(parse_words(&format!("janus-rs -s {number}")), Request::Error(_)), "{number}");
        }
    }

    // CP-002
    #[test]
    fn help_and_version_print() {
        assert!(
            matches!(parse_words("janus-rs --help"), Request::Print(text) if text.contains("--configs-folder"))
        );
        assert!(matches!(parse_words("janus-rs -V"), Request::Print(text) if text == "banner\n"));
    }

    // CP-022
    #[test]
    fn options_win_over_the_file_in_all_their_spellings() {
        let config = folded("janus-rs -n one --apisecret=two -s 7 -o -e --rtp-port-range 1-2 extra words");
        assert_eq!(config.value("general", "server_name"), Some("one"));
        assert_eq!(config.value("general", "api_secret"), Some("two"));
        assert_eq!(config.value("general", "session_timeout"), Some("7"));
        assert_eq!(config.value("general", "debug_colors"), Some("no"));
        assert_eq!(config.value("media", "rtp_port_range"), Some("1-2"));
        assert!(config.is_true("events", "broadcast"));
        assert_eq!(folded("janus-rs -s -5").value("general", "session_timeout"), None);
        assert_eq!(folded("janus-rs -n one -n two").value("general", "server_name"), Some("two"));
        assert_eq!(folded("janus-rs -s 0x10 -l 020").value("general", "session_timeout"), Some("16"));
        assert_eq!(folded("janus-rs -s 0x10 -l 020").value("general", "check_openfiles_limit"), Some("16"));
        // The older meaning of -l.
        for words in ["janus-rs -l", "janus-rs -l -n one", "janus-rs --libnice-debug"] {
            assert_eq!(folded(words).value("general", "check_openfiles_limit"), None);
        }
        assert_eq!(folded("janus-rs -l -n one").value("general", "server_name"), Some("one"));
        assert_eq!(folded("janus-rs -d 9").value("general", "server_name"), Some("from the file"));
    }

    // CP-023
    #[test]
    fn stun_servers_have_a_port() {
        let with = folded("janus-rs -S stun.example.net:1234");
        assert_eq!(with.value("nat", "stun_server"), Some("stun.example.net"));
        assert_eq!(with.value("nat", "stun_port"), Some("1234"));
        assert_eq!(folded("janus-rs -S host").value("nat", "stun_port"), Some("3478"));
    }
}
