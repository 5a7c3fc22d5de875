//! The results as a Markdown table.
#![forbid(unsafe_code)]

use crate::scenario::{Outcome, Scenario};

/// The middle one of several runs, field by field.
pub fn median(runs: &[Outcome]) -> Outcome {
    let of = |field: &dyn Fn(&Outcome) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(field).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Outcome {
        packets: of(&|o| o.packets as f64) as u64,
        us_per_packet: of(&|o| o.us_per_packet),
        loss_percent: of(&|o| o.loss_percent),
        recovered_percent: of(&|o| o.recovered_percent),
        latency_us: std::array::from_fn(|i| of(&|o| o.latency_us[i])),
        setup_us: of(&|o| o.setup_us),
        idle_kb: of(&|o| o.idle_kb),
        idle_us: of(&|o| o.idle_us),
        loaded_kb: of(&|o| o.loaded_kb),
        threads: of(&|o| o.threads),
        switches_per_second: of(&|o| o.switches_per_second),
        train: of(&|o| o.train),
        datagram_bytes: of(&|o| o.datagram_bytes),
        load_percent: of(&|o| o.load_percent),
    }
}

pub fn header() -> String {
    "| scenario | server | CPU µs/packet | times less | loss % | recovered % | latency ms p50 / p99 / p99.9 | set up per CPU s | \
     idle kB/PC | idle µs/s/PC | loaded kB/PC | threads | switches/s | train | datagram | load's core % |\n\
     |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
        .into()
}

/// One line. `base` is what the first server needed.
pub fn line(scenario: &Scenario, server: &str, o: &Outcome, base: Option<f64>) -> String {
    let media = scenario.rate > 0;
    let when = |shown: bool, text: String| if shown { text } else { "–".to_owned() };
    let [p50, p99, p999] = o.latency_us.map(|us| us / 1000.0);
    format!(
        "| {} | {server} | {} | {} | {} | {} | {} | {:.0} | {:.0} | {} | {} | {:.0} | {} | {} | {} | {} |",
        scenario.name,
        when(media, format!("{:.2}", o.us_per_packet)),
        when(media && base.is_some(), format!("{:.1}", base.unwrap_or(1.0) / o.us_per_packet)),
        when(media, format!("{:.3}", o.loss_percent)),
        when(scenario.loss > 0.0, format!("{:.1}", o.recovered_percent)),
        when(media, format!("{p50:.2} / {p99:.2} / {p999:.2}")),
        1e6 / o.setup_us,
        o.idle_kb,
        when(!media, format!("{:.1}", o.idle_us)),
        when(media, format!("{:.0}", o.loaded_kb)),
        o.threads,
        when(media, format!("{:.0}", o.switches_per_second)),
        when(media, format!("{:.1}", o.train)),
        when(media, format!("{:.0}", o.datagram_bytes)),
        when(media, format!("{:.0}", o.load_percent)),
    )
}

/// The bare loop's line.
pub fn limit(scenario: &Scenario, train: usize, us: f64, base: f64) -> String {
    format!(
        "| {} | limit: bare loop | {us:.2} | {:.1} | | | | | | | | 1 | | {train} | | |",
        scenario.name,
        base / us
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_taken_field_by_field() {
        let run = |us_per_packet, idle_kb| Outcome { us_per_packet, idle_kb, ..Outcome::default() };
        let middle = median(&[run(3.0, 1.0), run(1.0, 2.0), run(2.0, 3.0)]);
        assert_eq!((middle.us_per_packet, middle.idle_kb), (2.0, 2.0));
    }
}
