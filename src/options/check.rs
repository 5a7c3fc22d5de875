//! Names in a configuration that nobody knows. Nothing but warnings: a file of another version is no error.

use super::row::{File, Row};
use super::table::ALL;
use crate::config::{Config, Kind};

/// How alike two names have to be for one to be meant by the other (Jaro–Winkler, 0 … 1).
const ALIKE: f64 = 0.85;

/// The lines of the log about what `config`, read from `file`, names and nobody knows.
pub fn check(file: File, config: &Config) -> Vec<String> {
    let ignored = |problem: Problem| match problem {
        Problem::Unknown { what, meant } => format!("{}: {what} is unknown and ignored{meant}", file.name()),
        Problem::Wrong { what, wanted } => format!("{}: {what} is no {wanted}: it is ignored", file.name()),
    };
    problems(file, config).into_iter().map(ignored).collect()
}

/// The row of an option of janus.jcfg, for a program that sets it; why there is none.
pub fn find(category: &str, name: &str) -> Result<&'static Row, String> {
    let row = ALL.iter().filter(|row| row.file == File::Janus && row.category.eq_ignore_ascii_case(category));
    if let Some(row) = row.into_iter().find(|row| row.is_named(name)) {
        // An array is no text.
        return match row.node() {
            Kind::Array => Err(format!("{category}.{name} is an array, which has to be in a file")),
            _ => Ok(row),
        };
    }
    let mut named = Config::new("janus.jcfg");
    named.set(category, name, "");
    let problem = problems(File::Janus, &named).into_iter().next();
    Err(match problem {
        Some(Problem::Unknown { what, meant }) => format!("there is no option {what}{meant}"),
        _ => format!("there is no option {category}.{name}"),
    })
}

enum Problem {
    /// `meant` is a question, or empty.
    Unknown {
        what: String,
        meant: String,
    },
    Wrong {
        what: String,
        wanted: &'static str,
    },
}

fn problems(file: File, config: &Config) -> Vec<Problem> {
    let rows = || ALL.iter().filter(|row| row.file == file);
    let mut lines = Vec::new();
    for node in config.root.iter() {
        let Some(category) = node.name.as_deref() else { continue };
        let known: Vec<&Row> = rows().filter(|row| row.category.eq_ignore_ascii_case(category)).collect();
        if known.is_empty() {
            lines.push(unknown(category, meant(category, rows().map(|row| row.category))));
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
                lines.push(unknown(&format!("{category}.{name}"), meant));
                continue;
            };
            if node.kind() != row.node() {
                let wanted = if row.node() == Kind::Array { "array" } else { "value" };
                lines.push(Problem::Wrong { what: format!("{category}.{name}"), wanted });
            }
        }
    }
    lines
}

fn unknown(what: &str, meant: Option<String>) -> Problem {
    let meant = meant.map_or_else(String::new, |name| format!(": did you mean {name}?"));
    Problem::Unknown { what: what.to_owned(), meant }
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

    #[test]
    fn what_a_program_sets_is_found_by_either_name() {
        assert_eq!(find("media", "DSCP_TOS").unwrap().name, "dscp");
        assert_eq!(find("Media", "dscp").unwrap().name, "dscp");
        let says = |category: &str, name: &str| find(category, name).unwrap_err();
        assert_eq!(says("nat", "ice_lit"), "there is no option nat.ice_lit: did you mean ice_lite?");
        assert_eq!(says("nat", ""), "there is no option nat.");
        assert!(!says("general", "x").contains("ignored"));
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
