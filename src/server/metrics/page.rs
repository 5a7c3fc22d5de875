//! docs/metrics.md, from the list; and whether the list is what is told.

use super::*;
use crate::core::settings::Settings;
use std::fmt::Write as _;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
const HEAD: &str = include_str!("head.md");

fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n| Name | Type | Unit | Labels | What it is |\n|---|---|---|---|---|\n");
    for family in ALL {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            family.name,
            family.kind.name(),
            family.unit.name(),
            labels.join(", "),
            family.help
        );
    }
    text
}

#[test]
fn the_page_is_up_to_date() {
    if std::env::var_os("JANUS_RS_WRITE").is_some() {
        std::fs::write(FILE, page()).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(written == page(), "docs/metrics.md is old: JANUS_RS_WRITE=1 cargo test --lib metrics");
}

#[test]
fn units_end_names() {
    for family in ALL {
        let unit = family.unit.name();
        assert!(family.name.ends_with(unit), "{} has the unit {unit}", family.name);
        assert!(!family.name.ends_with("_total") && !family.name.ends_with("_info"), "{}", family.name);
    }
}

/// Of a core without an engine there is everything but what media workers count.
#[test]
fn every_family_is_told_in_the_order_of_the_list() {
    let core = Core::new(Settings::default()).unwrap();
    let heads = |format| {
        let text = text(&core, format);
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let told = heads(Format::OpenMetrics);
    let mut rest = ALL.iter();
    for name in &told {
        assert!(rest.any(|family| family.name == name), "{name} is out of order");
    }
    assert!(told.len() >= 25, "{told:?}");
    assert_eq!(heads(Format::Plain).len(), told.len());
}
