//! As work grows: CPU and memory against the number of viewers, rooms, idle PeerConnections and media workers, as tables and
//! plots. Bursts keep their size, and the rate falls as the number grows, so that the load's core keeps up.
#![forbid(unsafe_code)]

use crate::Arguments;
use crate::plot::{self, Curve};
use crate::scenario::{self, Outcome, Scenario, Shape};
use crate::server::Kind;
use crate::table::median;
use std::path::Path;

/// Packets of a burst.
const BURST: u32 = 4;
/// A server that loses so many percent of the packets does not carry the load.
const LOSS_LIMIT: f64 = 50.0;
/// Percent of its core that the load may take; else the rate is halved.
const LOAD_LIMIT: f64 = 80.0;

/// What is read off an outcome.
#[derive(Clone, Copy)]
struct Axis {
    file: &'static str,
    name: &'static str,
    of: fn(&Outcome) -> f64,
}

const CPU: Axis = Axis { file: "cpu", name: "CPU µs/packet", of: |o| o.us_per_packet };
const LOADED: Axis = Axis { file: "memory", name: "kB/PeerConnection, loaded", of: |o| o.loaded_kb };
const IDLE: Axis = Axis { file: "memory", name: "kB/PeerConnection, idle", of: |o| o.idle_kb };
const IDLE_CPU: Axis = Axis { file: "cpu", name: "CPU µs/s per PeerConnection", of: |o| o.idle_us };

struct Series {
    name: &'static str,
    /// What grows.
    of: &'static str,
    numbers: Vec<u32>,
    scenario: fn(u32) -> Scenario,
    axes: [Axis; 2],
}

fn all(limit: Option<u32>) -> Vec<Series> {
    let numbers = |all: &[u32]| {
        all.iter().copied().filter(|number| limit.is_none_or(|limit| *number <= limit)).collect::<Vec<_>>()
    };
    vec![
        Series {
            name: "viewers",
            of: "viewers of one publisher",
            numbers: numbers(&[10, 50, 200, 500, 1000, 2000]),
            scenario: |viewers| Scenario {
                shape: Shape::Room { publishers: 1, viewers: viewers as usize },
                rate: (20_000 / viewers).clamp(BURST, 100),
                burst: Some(BURST),
                ..Scenario::named(format!("1 → {viewers}"))
            },
            axes: [CPU, LOADED],
        },
        Series {
            name: "rooms",
            of: "rooms of four",
            numbers: numbers(&[1, 10, 50, 125, 250, 500]),
            scenario: |rooms| Scenario {
                shape: Shape::Rooms { rooms: rooms as usize, members: 4 },
                // As many as the load can send in the largest, so that all can be compared; what a PeerConnection costs without
                // media is much of it.
                rate: 3,
                burst: Some(1),
                ..Scenario::named(format!("{rooms} × 4"))
            },
            axes: [CPU, LOADED],
        },
        Series {
            name: "idle",
            of: "idle PeerConnections",
            numbers: numbers(&[10, 100, 1000, 5000]),
            scenario: |number| Scenario {
                shape: Shape::Streaming(number as usize),
                ..Scenario::named(format!("{number} idle"))
            },
            axes: [IDLE_CPU, IDLE],
        },
    ]
}

/// The names of the series, and `workers`.
pub const NAMES: [&str; 4] = ["viewers", "rooms", "idle", "workers"];

/// Runs the series of these names, or all, prints their tables, and draws into `folder`. False when something failed.
pub fn run(arguments: &Arguments, wanted: &[String], folder: &Path, limit: Option<u32>) -> bool {
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let mut good = true;
    println!(
        "| scenario | server | packets/s of a source | CPU µs/packet | idle µs/s/PC | kB/PC idle / loaded | loss % | load's core % |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for series in all(limit).into_iter().filter(|series| wants(series.name)) {
        let mut curves: Vec<Curve> = Vec::new();
        for kind in &arguments.kinds {
            let mut points = [Vec::new(), Vec::new()];
            for &number in &series.numbers {
                let Some(outcome) = point(kind, (series.scenario)(number), arguments) else {
                    good &= kind.is_reference();
                    break;
                };
                for (points, axis) in points.iter_mut().zip(series.axes) {
                    points.push((number, (axis.of)(&outcome)));
                }
            }
            for (points, axis) in points.into_iter().zip(series.axes) {
                curves.push(Curve { file: axis.file, name: kind.name.into(), points });
            }
        }
        for axis in series.axes {
            let of_axis: Vec<&Curve> = curves.iter().filter(|curve| curve.file == axis.file).collect();
            let file = folder.join(format!("{}-{}.svg", series.name, axis.file));
            if let Err(error) = plot::draw(&file, series.of, axis.name, &of_axis) {
                eprintln!("{}: {error}", file.display());
                good = false;
            }
        }
    }
    good & (!wants("workers") || workers(arguments))
}

/// The same room on one, two and four workers, which may use every core, the load's as well.
fn workers(arguments: &Arguments) -> bool {
    let mut good = true;
    for kind in arguments.kinds.iter().filter(|kind| kind.general.is_empty() && kind.is_ours) {
        for (name, general) in [
            ("1 worker", "event_loops = 1"),
            ("2 workers", "event_loops = 2"),
            ("4 workers", "event_loops = 4"),
        ] {
            let kind = Kind { name, general, is_spread: true, ..kind.clone() };
            let mesh = Scenario {
                shape: Shape::Mesh(6),
                rate: 100,
                burst: Some(BURST),
                ..Scenario::named("mesh of 6".into())
            };
            let room = Scenario {
                shape: Shape::Room { publishers: 1, viewers: 200 },
                rate: 100,
                burst: Some(BURST),
                ..Scenario::named("1 → 200".into())
            };
            for scenario in [room, mesh] {
                good &= point(&kind, scenario, arguments).is_some();
            }
        }
    }
    good
}

/// The median of the runs, printed as a line.
fn point(kind: &Kind, mut scenario: Scenario, arguments: &Arguments) -> Option<Outcome> {
    let outcome = loop {
        let mut outcomes = Vec::new();
        for _ in 0..arguments.runs {
            match scenario::run(kind, &scenario, &arguments.options) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    eprintln!(
                        "{} {}: {}",
                        kind.name,
                        scenario.name,
                        error.lines().next().unwrap_or_default()
                    );
                    println!(
                        "| {} | {} | {} | does not get there |",
                        scenario.name, kind.name, scenario.rate
                    );
                    return None;
                }
            }
        }
        let outcome = median(&outcomes);
        if outcome.loss_percent > LOSS_LIMIT {
            println!(
                "| {} | {} | {} | loses {:.0} % |",
                scenario.name, kind.name, scenario.rate, outcome.loss_percent
            );
            return None;
        }
        let least = scenario.burst.unwrap_or(1);
        if outcome.load_percent <= LOAD_LIMIT || scenario.rate / 2 < least {
            break outcome;
        }
        scenario.rate /= 2;
    };
    println!(
        "| {} | {} | {} | {:.2} | {:.1} | {:.0} / {:.0} | {:.3} | {:.0} |",
        scenario.name,
        kind.name,
        scenario.rate,
        outcome.us_per_packet,
        outcome.idle_us,
        outcome.idle_kb,
        outcome.loaded_kb,
        outcome.loss_percent,
        outcome.load_percent,
    );
    Some(outcome)
}
