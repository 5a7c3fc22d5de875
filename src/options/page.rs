//! docs/configuration.md, from the table.

use super::row::{File, Kind, Row};
use super::table::ALL;
use std::fmt::Write;

/// What stands before the tables, and behind them.
const HEAD: &str = include_str!("head.md");
const TAIL: &str = include_str!("tail.md");

fn holds(kind: Kind) -> String {
    match kind {
        Kind::Flag(default) => format!("`{default}`, or the contrary"),
        Kind::Number { default, least, unit } => {
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            format!("number from {least}; {default}{unit}")
        }
        Kind::Text(Some(default)) => format!("text; `{default}`"),
        Kind::Text(None) => "text".to_owned(),
        Kind::List => "list, with commas".to_owned(),
        Kind::Array => "array of texts".to_owned(),
        Kind::Unused => "anything".to_owned(),
    }
}

fn line(row: &Row) -> String {
    let switch = row.switch.map_or_else(String::new, |switch| match switch.short {
        Some(short) => format!("`-{short}`, `--{}`", switch.long),
        None => format!("`--{}`", switch.long),
    });
    let alias = row.alias.map_or_else(String::new, |alias| format!(", `{alias}`"));
    let since = row.since.map_or_else(|| "Janus".to_owned(), |version| format!("janus-rs {version}"));
    let live = row.live.map_or_else(String::new, |request| format!("`{request}`"));
    format!("| `{}`{alias} | {} | {} | {switch} | {live} | {since} |\n", row.name, holds(row.kind), row.help)
}

/// The whole page.
pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    for file in [File::Janus, File::Own] {
        let _ = writeln!(text, "\n## {}", file.name());
        let mut categories: Vec<&str> = Vec::new();
        for row in ALL.iter().filter(|row| row.file == file) {
            if !categories.contains(&row.category) {
                categories.push(row.category);
            }
        }
        for category in categories {
            let _ = writeln!(text, "\n### {category}\n");
            text.push_str(
                "| Item | Holds; without it | What it does | Command line | Changed live by | Since |\n",
            );
            text.push_str("|---|---|---|---|---|---|\n");
            for row in ALL.iter().filter(|row| row.file == file && row.category == category) {
                text.push_str(&line(row));
            }
        }
    }
    text.push('\n');
    text.push_str(TAIL);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");

    #[test]
    fn the_page_is_up_to_date() {
        if std::env::var_os("JANUS_RS_WRITE").is_some() {
            std::fs::write(FILE, page()).unwrap();
        }
        let written = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(written == page(), "docs/configuration.md is old: JANUS_RS_WRITE=1 cargo test --lib options");
    }

    #[test]
    fn names_and_switches_are_unique() {
        for (at, row) in ALL.iter().enumerate() {
            for other in &ALL[..at] {
                let same =
                    row.file == other.file && row.category == other.category && row.is_named(other.name);
                assert!(!same, "{}.{} twice", row.category, row.name);
                if let (Some(one), Some(two)) = (row.switch, other.switch) {
                    let both = one.short.is_some() && one.short == two.short;
                    assert!(one.long != two.long && !both, "--{} and --{}", one.long, two.long);
                }
                assert!(row.info.is_none() || row.info != other.info);
            }
        }
    }
}
