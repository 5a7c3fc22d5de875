//! The command line (control-plane.md §1.2), in the syntax of GOption: `--x=v`, `--x v`, `-x v`. An option is another
//! way of writing a configuration item, so most of them only name theirs.
#![forbid(unsafe_code)]

use crate::config::Config;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;

/// What an option does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Sets category, item to this value.
    Flag(&'static str, &'static str, &'static str),
    /// Sets category, item to the argument.
    Value(&'static str, &'static str),
    /// As `Value` for whole numbers; negative ones are not applied.
    Number(&'static str, &'static str),
    /// `host[:port]`, split at the last colon (CP-023).
    StunServer,
    /// Not a configuration item; read where it is needed.
    Switch,
    Text,
}

struct Opt {
    long: &'static str,
    short: Option<char>,
    effect: Effect,
    help: &'static str,
}

const fn opt(long: &'static str, short: Option<char>, effect: Effect, help: &'static str) -> Opt {
    Opt { long, short, effect, help }
}

use Effect::{Flag, Number, StunServer, Switch, Text, Value};

const OPTIONS: [Opt; 42] = [
    opt("daemon", Some('b'), Flag("general", "daemonize", "yes"), "Run in the background"),
    opt("pid-file", Some('p'), Value("general", "pid_file"), "Write the process id to this file"),
    opt("disable-stdout", Some('N'), Switch, "Do not log to stdout"),
    opt("log-stdout", None, Switch, "Log to stdout, whatever the file says, also in the background"),
    opt("log-file", Some('L'), Value("general", "log_to_file"), "Append the log to this file"),
    opt(
        "log-rotate-sig",
        Some('R'),
        Value("general", "log_rotate_sig"),
        "Open the log anew on SIGUSR1 or SIGHUP",
    ),
    opt(
        "check-openfiles-limits",
        Some('l'),
        Number("general", "check_openfiles_limit"),
        "Stop when the limit of open files is below this",
    ),
    opt("cwd-path", Some('H'), Text, "Working directory in the background (default /)"),
    opt("interface", Some('i'), Value("general", "interface"), "Address or device for the SDP"),
    opt("plugins-folder", Some('P'), Value("general", "plugins_folder"), "Where plugins are"),
    opt("config", Some('C'), Text, "Main configuration file"),
    opt("configs-folder", Some('F'), Text, "Where the configuration of the server and of the modules is"),
    opt("cert-pem", Some('c'), Value("certificates", "cert_pem"), "DTLS certificate (PEM)"),
    opt("cert-key", Some('k'), Value("certificates", "cert_key"), "DTLS private key (PEM)"),
    opt("cert-pwd", Some('K'), Value("certificates", "cert_pwd"), "Password of the private key"),
    opt("stun-server", Some('S'), StunServer, "STUN server, host[:port]"),
    opt("nat-1-1", Some('1'), Value("nat", "nat_1_1_mapping"), "Public addresses of this host"),
    opt(
        "keep-private-host",
        Some('2'),
        Flag("nat", "keep_private_host", "yes"),
        "With nat-1-1: advertise the private address too",
    ),
    opt(
        "ice-enforce-list",
        Some('E'),
        Value("nat", "ice_enforce_list"),
        "Only these interfaces or addresses, by prefix",
    ),
    opt("ice-ignore-list", Some('X'), Value("nat", "ice_ignore_list"), "Not these interfaces or addresses"),
    opt("ipv6-candidates", Some('6'), Flag("media", "ipv6", "yes"), "IPv6 candidates too"),
    opt("ipv6-link-local", Some('O'), Flag("media", "ipv6_linklocal", "yes"), "Also link-local ones"),
    opt("full-trickle", Some('f'), Flag("nat", "full_trickle", "yes"), "Trickle our own candidates"),
    opt("ice-lite", Some('I'), Flag("nat", "ice_lite", "yes"), "ICE lite"),
    opt("ice-tcp", Some('T'), Flag("nat", "ice_tcp", "yes"), "ICE over TCP"),
    opt("min-nack-queue", Some('Q'), Number("media", "min_nack_queue"), "Retransmission buffer (ms)"),
    opt(
        "no-media-timer",
        Some('t'),
        Number("media", "no_media_timer"),
        "Seconds without media until an event",
    ),
    opt("slowlink-threshold", Some('W'), Number("media", "slowlink_threshold"), "Lost packets per second"),
    opt("twcc-period", Some('B'), Number("media", "twcc_period"), "Transport-wide feedback every (ms)"),
    opt("rtp-port-range", Some('r'), Value("media", "rtp_port_range"), "UDP ports, min-max"),
    opt("server-name", Some('n'), Value("general", "server_name"), "Name of this server"),
    opt("session-timeout", Some('s'), Number("general", "session_timeout"), "Seconds; 0 = never"),
    opt(
        "reclaim-session-timeout",
        Some('m'),
        Number("general", "reclaim_session_timeout"),
        "Seconds to claim a session whose transport is gone",
    ),
    opt("debug-level", Some('d'), Number("general", "debug_level"), "0 (nothing) to 7 (everything)"),
    opt("debug-timestamps", Some('D'), Flag("general", "debug_timestamps", "yes"), "Dates in the log"),
    opt("disable-colors", Some('o'), Flag("general", "debug_colors", "no"), "No colours in the log"),
    opt("debug-locks", Some('M'), Flag("general", "debug_locks", "yes"), "Modules log their locks"),
    opt("apisecret", Some('a'), Value("general", "api_secret"), "Secret that requests must carry"),
    opt("token-auth", Some('A'), Flag("general", "token_auth", "yes"), "Requests must carry a token"),
    opt("token-auth-secret", None, Value("general", "token_auth_secret"), "Tokens are signed with this"),
    opt("event-handlers", Some('e'), Flag("events", "broadcast", "yes"), "Use event handlers"),
    opt("no-webrtc-encryption", Some('w'), Flag("general", "no_webrtc_encryption", "yes"), "Debugging only"),
];

/// A command line that asks to run.
#[derive(Debug)]
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

impl Opt {
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.long).long(self.long).help(self.help);
        let arg = match self.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        match self.effect {
            Flag(..) | Switch => arg.action(ArgAction::SetTrue),
            Number(..) => {
                arg.allow_hyphen_values(true).value_parser(clap::value_parser!(i64)).value_name("N")
            }
            Value(..) | StunServer | Text => arg.allow_hyphen_values(true).value_name("VALUE"),
        }
    }
}

fn command() -> Command {
    Command::new("janus-rs")
        .about("A WebRTC server for compiled Janus modules")
        .after_help("janus-rs check FILE…: would these modules load?")
        .args_override_self(true)
        .disable_version_flag(true)
        .args(OPTIONS.iter().map(Opt::arg))
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
        for option in &OPTIONS {
            match option.effect {
                Flag(category, item, value) if self.0.get_flag(option.long) => {
                    config.set(category, item, value)
                }
                Value(category, item) => {
                    if let Some(value) = self.text(option.long) {
                        config.set(category, item, value);
                    }
                }
                Number(category, item) => {
                    if let Some(number) = self.0.get_one::<i64>(option.long).filter(|n| **n >= 0) {
                        config.set(category, item, &number.to_string());
                    }
                }
                StunServer => {
                    if let Some(server) = self.text(option.long) {
                        let (host, port) = server.rsplit_once(':').unwrap_or((server, "3478"));
                        config.set("nat", "stun_server", host);
                        config.set("nat", "stun_port", port);
                    }
                }
                Flag(..) | Switch | Text => {}
            }
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
        assert!(matches!(parse_words("janus-rs -s many"), Request::Error(_)));
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
