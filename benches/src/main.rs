//! `bench`: what forwarding a packet costs janus-rs and Debian's janus: same modules, same rooms, same load, one core each for
//! the server and for the clients. See `--help`.

mod forward;
mod growth;
mod limit;
mod peer;
mod plot;
mod scenario;
mod server;
mod signal;
mod signalling;
mod sys;
mod table;
mod world;

use forward::To;
use scenario::{Options, Outcome, Scenario, Shape};
use server::Kind;
use std::path::PathBuf;
use std::process::ExitCode;
use world::Pacing;

const HELP: &str = "\
usage: bench [options] [scenario ...]

  --list               the scenarios; without any named, a short list of them runs
  --all                every scenario
  --growth FOLDER      CPU and memory as viewers, rooms, idle PeerConnections and workers grow; plots (SVG) go there;
                       of viewers, rooms, idle, workers only those that are named
  --up-to N            only as far as that number
  --servers A,B        of janus, janus-2loops, janus-rs (these), janus-rs-builtin
  --janus-rs PROGRAM   (target/release/janus-rs)
  --runs N             alternating runs, of which the median counts (3)
  --seconds N          of each measurement (6)
  --pacing frames|even packets of a frame in one burst, or one at a time (frames)
  --gro                receivers take trains of datagrams in one piece
  --server-core N      (0)
  --load-core N        (1)
  --verbose            every run's outcome, and the server's process number as it is measured
";

/// The scenario without media.
const SIGNALLING: &str = "signal";

struct Arguments {
    scenarios: Vec<Scenario>,
    /// Requests instead of packets; a table of its own.
    signalling: bool,
    /// Where the plots of growth go, and how far it goes.
    growth: Option<(PathBuf, Option<u32>)>,
    /// Of those series.
    series: Vec<String>,
    kinds: Vec<Kind>,
    runs: usize,
    load_core: usize,
    options: Options,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    str0m::crypto::from_feature_flags().install_process_default();
    if let Err(error) = sys::pin(arguments.load_core..arguments.load_core + 1) {
        eprintln!("core {}: {error}", arguments.load_core);
        return ExitCode::FAILURE;
    }
    if run(&arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let known = scenario::all();
    let mut names = Vec::new();
    let mut all = false;
    let (mut growth, mut up_to) = (None, None);
    let mut servers = "janus,janus-2loops,janus-rs".to_owned();
    let mut program = PathBuf::from("target/release/janus-rs");
    let (mut runs, mut load_core) = (3, 1);
    let mut options = Options { core: 0, gro: false, pacing: Pacing::Frames, seconds: 6, verbose: false };
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{argument}: a value is missing"));
        let number = |text: String| text.parse::<usize>().map_err(|error| format!("{text}: {error}"));
        match argument.as_str() {
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(None);
            }
            "--list" => {
                println!("{SIGNALLING:18}  requests, not packets: a table of its own");
                for scenario in known {
                    println!("{:18}{}", scenario.name, if scenario.quick { "  (short list)" } else { "" });
                }
                return Ok(None);
            }
            "--all" => all = true,
            "--growth" => growth = Some(PathBuf::from(value()?)),
            "--up-to" => up_to = Some(number(value()?)? as u32),
            "--servers" => servers = value()?,
            "--janus-rs" => program = value()?.into(),
            "--runs" => runs = number(value()?)?.max(1),
            "--seconds" => options.seconds = number(value()?)?.max(1) as u64,
            "--server-core" => options.core = number(value()?)?,
            "--load-core" => load_core = number(value()?)?,
            "--gro" => options.gro = true,
            "--verbose" => options.verbose = true,
            "--pacing" => {
                options.pacing = match value()?.as_str() {
                    "frames" => Pacing::Frames,
                    "even" => Pacing::Even,
                    other => return Err(format!("no pacing {other}")),
                }
            }
            name if name.starts_with('-') => return Err(format!("no option {name}")),
            name => names.push(name.to_owned()),
        }
    }
    let signalling = names.iter().any(|name| name == SIGNALLING);
    names.retain(|name| name != SIGNALLING);
    let series: Vec<String> = match growth.is_some() {
        true => names.extract_if(.., |name| growth::NAMES.contains(&name.as_str())).collect(),
        false => Vec::new(),
    };
    for name in &names {
        if !known.iter().any(|scenario| scenario.name == *name) {
            return Err(format!("no scenario {name}"));
        }
    }
    let chosen = |scenario: &Scenario| match names.is_empty() {
        true => all || (scenario.quick && !signalling && growth.is_none()),
        false => names.contains(&scenario.name),
    };
    let kinds = servers.split(',').map(|name| kind(name, &program)).collect::<Result<_, _>>()?;
    let scenarios = known.into_iter().filter(chosen).collect();
    let growth = growth.map(|folder| (folder, up_to));
    Ok(Some(Arguments { scenarios, signalling, growth, series, kinds, runs, load_core, options }))
}

fn kind(name: &str, ours: &std::path::Path) -> Result<Kind, String> {
    match name {
        "janus" => Ok(Kind::new("janus", "janus".as_ref())),
        "janus-2loops" => {
            Ok(Kind { general: "event_loops = 2", ..Kind::new("janus, event_loops = 2", "janus".as_ref()) })
        }
        "janus-rs" => Ok(Kind { is_ours: true, ..Kind::new("janus-rs", ours) }),
        "janus-rs-builtin" => {
            Ok(Kind { is_ours: true, builtin: true, ..Kind::new("janus-rs, built-in transports", ours) })
        }
        other => Err(format!("no server {other}")),
    }
}

fn run(arguments: &Arguments) -> bool {
    let mut good = true;
    println!("{}\n", machine(arguments));
    if arguments.signalling {
        good &= signalling::run(arguments);
    }
    if let Some((folder, up_to)) = &arguments.growth {
        good &= growth::run(arguments, &arguments.series, folder, *up_to);
    }
    if arguments.scenarios.is_empty() {
        return good;
    }
    println!("{}", table::header());
    for scenario in &arguments.scenarios {
        let mut outcomes: Vec<Vec<Outcome>> = vec![Vec::new(); arguments.kinds.len()];
        for _ in 0..arguments.runs {
            for (kind, outcomes) in arguments.kinds.iter().zip(&mut outcomes) {
                if !scenario.runs_on(kind) {
                    continue;
                }
                match scenario::run(kind, scenario, &arguments.options) {
                    Ok(outcome) => {
                        if arguments.options.verbose {
                            eprintln!("{} {}: {outcome:?}", kind.name, scenario.name);
                        }
                        outcomes.push(outcome);
                    }
                    Err(error) => {
                        eprintln!("{} {}: {error}", kind.name, scenario.name);
                        good = false;
                    }
                }
            }
        }
        let mut base = None;
        let mut train = 1.0_f64;
        for (kind, outcomes) in arguments.kinds.iter().zip(&outcomes) {
            if !scenario.runs_on(kind) {
                continue;
            }
            if outcomes.is_empty() {
                println!("| {} | {} | failed |", scenario.name, kind.name);
                continue;
            }
            let outcome = table::median(outcomes);
            println!("{}", table::line(scenario, kind.name, &outcome, base));
            base.get_or_insert(outcome.us_per_packet);
            train = train.max(outcome.train);
        }
        if let Some(base) = base {
            print_limit(arguments, scenario, train, base);
        }
    }
    good
}

/// What a bare loop needs, where there is one for the scenario. With trains of one frame, the longest that can occur; receivers with
/// GRO have told the lengths that did occur.
fn print_limit(arguments: &Arguments, scenario: &Scenario, seen: f64, base: f64) {
    let options = &arguments.options;
    if scenario.rate == 0 || scenario.loss > 0.0 {
        return;
    }
    let train = match (options.pacing, options.gro) {
        _ if scenario.is_of_messages() => 1,
        (Pacing::Even, _) => 1,
        (_, true) => seen.round() as usize,
        (Pacing::Frames, false) => {
            scenario.rate.div_ceil(if scenario.rate >= 300 { 30 } else { 25 }) as usize
        }
    };
    let Scenario { rate, audio, .. } = *scenario;
    let payload = scenario.payload();
    let load = limit::Load { payload, train, rate, audio, seconds: options.seconds };
    let among = |clients, to| forward::measure(options.core, clients, to, load);
    let limit = match scenario.shape {
        Shape::Room { publishers: 1, viewers } | Shape::Streaming(viewers) | Shape::Links(viewers) => {
            limit::measure(options.core, viewers, load, options.gro)
        }
        // Who writes gets it as well; what is read for ten is little.
        Shape::TextRoom(members) => limit::measure(options.core, members, load, false),
        Shape::Mesh(members) => among(members, To::Others),
        Shape::Echo(clients) | Shape::Messages(clients) => among(clients, To::Itself),
        _ => return,
    };
    match limit {
        Ok(us) => println!("{}", table::limit(scenario, train, us, base)),
        Err(error) => eprintln!("limit: {error}"),
    }
}

/// Date, machine and command: what makes a table worth keeping.
fn machine(arguments: &Arguments) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        cpu.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| line.split_once(": "))
            .map_or("?", |(_, v)| v)
    };
    let output = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output();
        output.map_or_else(|_| "?".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let command: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "{}, {} cores of {} (family {}, model {}), Linux {}, Debian's janus {}. `./bench.sh {}`: medians of {} alternating \
         runs of {} s, server on core {}, load on core {}, receivers {} GRO.",
        output("date", &["-u", "+%F"]),
        cpu.lines().filter(|line| line.starts_with("processor")).count(),
        field("model name"),
        field("cpu family"),
        field("model\t"),
        output("uname", &["-r"]),
        output("dpkg-query", &["-W", "-f=${Version}", "janus"]),
        command.join(" "),
        arguments.runs,
        arguments.options.seconds,
        arguments.options.core,
        arguments.load_core,
        if arguments.options.gro { "with" } else { "without" },
    )
}
