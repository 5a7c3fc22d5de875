//! Names in a configuration that nobody knows. Nothing but warnings: a file of another version is no error.

use super::row::{File, Row};
use super::table::ALL;
use crate::config::{Config, Kind};

/// How alike two names have to be for one to be meant by the other (Jaro–Winkler, 0 … 1).
const ALIKE: f64 = 0.85;

/// The lines of the log about what `config`, read from `file`, names and nobody knows.
pub fn check(file: File, config: &Config) -> Vec<String> {
    let rows = || ALL.iter().filter(|row| row.file == file);
    let mut lines = Vec::new();
    for node in config.root.iter() {
        let Some(category) = node.name.as_deref() else { continue };
        let known: Vec<&Row> = rows().filter(|row| row.category.eq_ignore_ascii_case(category)).collect();
        if known.is_empty() {
            lines.push(unknown(file, category, meant(category, rows().map(|row| row.category))));
            continue;
        }
        for node in node.children().into_iter().flatten() {
            let Some(name) = node.name.as_deref() else { continue };
            let Some(row) = known.iter().find(|row| row.is_named(name)) else {
                let elsewhere = rows().find(|row| row.is_named(name));
                let meant = match elsewhere {
                    Some(row) => Some(format!("{}.{}", row.category, row.name)),
                    None => meant(name, known.iter().map(|row| row.name)),
                };
                lines.push(unknown(file, &format!("{category}.{name}"), meant));
                continue;
            };
            if node.kind() != row.node() {
                let wanted = if row.node() == Kind::Array { "array" } else { "value" };
                lines.push(format!("{}: {category}.{name} is no {wanted}: it is ignored", file.name()));
            }
        }
    }
    lines
}

fn unknown(file: File, what: &str, meant: Option<String>) -> String {
    let meant = meant.map_or_else(String::new, |name| format!(": did you mean {name}?"));
    format!("{}: {what} is unknown and ignored{meant}", file.name())
}

/// The known name that looks most like `name`.
fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let alike = known.map(|other| (strsim::jaro_winkler(&name, other), other));
    let best = alike.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(alike, _)| *alike >= ALIKE)?;
    Some(best.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(file: File, text: &str) -> Vec<String> {
        check(file, &Config::parse("x.jcfg", text.as_bytes(), &crate::config::no_include).unwrap())
    }

    #[test]
    fn what_nobody_knows_is_told_with_what_was_meant() {
        let text = r#"
            general: { session_timout = 5; Server_Name = "x"; stun_server = "y"; quux = 1; }
            generall: { }
            media: { ipv6 = true; dscp_tos = 4; rtp_port_range = [ 1, 2 ]; }
            plugins: { disable = "a.so"; }
        "#;
        assert_eq!(
            checked(File::Janus, text),
            [
                "janus.jcfg: general.session_timout is unknown and ignored: did you mean session_timeout?",
                "janus.jcfg: general.stun_server is unknown and ignored: did you mean nat.stun_server?",
                "janus.jcfg: general.quux is unknown and ignored",
                "janus.jcfg: generall is unknown and ignored: did you mean general?",
                "janus.jcfg: media.rtp_port_range is no value: it is ignored",
            ]
        );
        assert_eq!(
            checked(File::Own, "web: { prot = 1; }"),
            ["janus-rs.jcfg: web.prot is unknown and ignored: did you mean port?"]
        );
    }

    // The packaged file of the reference names nothing that we do not know.
    #[test]
    fn the_packaged_file_is_known() {
        let path = std::path::Path::new("/etc/janus/janus.jcfg");
        if !path.exists() {
            eprintln!("skipped: {} is not there", path.display());
            return;
        }
        let mut text = std::fs::read_to_string(path).unwrap();
        // What is commented out is an option, too.
        let is_option = |line: &str| {
            line.trim_start().strip_prefix('#').and_then(|rest| rest.split_once(" = ")).is_some_and(
                |(name, _)| {
                    !name.is_empty()
                        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                },
            )
        };
        text = text
            .lines()
            .map(|line| if is_option(line) { line.replacen('#', "", 1) } else { line.to_owned() } + "\n")
            .collect();
        let found = checked(File::Janus, &text);
        assert_eq!(found, Vec::<String>::new());
    }
}
