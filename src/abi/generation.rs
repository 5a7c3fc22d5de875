//! The plugin ABI generations. The API number that a plugin reports does not identify one: five numbers stand for
//! more than one layout.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::RangeInclusive;

/// One binary layout of the plugin-facing structs and functions; [`Generation::releases`] says whose. Ordered by age; `B6`
/// (1.3.2 … 1.4.1) is native. A1 … A10 are 0.x, with one audio, one video and one data medium per PeerConnection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    A8,
    A9,
    A10,
    B1,
    B2,
    B3,
    B4,
    B5,
    B6,
}

impl Generation {
    /// The layout of our own exported symbols.
    pub const NATIVE: Generation = Generation::B6;

    /// All, oldest first.
    pub const ALL: [Generation; 16] = {
        use Generation::*;
        [A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, B1, B2, B3, B4, B5, B6]
    };

    /// The releases whose plugins are of this generation, first and last.
    pub fn releases(self) -> (&'static str, &'static str) {
        match self {
            Generation::A1 => ("0.9.0", "0.9.2"),
            Generation::A2 => ("0.9.3", "0.9.4"),
            Generation::A3 => ("0.9.5", "0.9.5"),
            Generation::A4 => ("0.10.0", "0.10.1"),
            Generation::A5 => ("0.10.2", "0.11.1"),
            Generation::A6 => ("0.11.2", "0.11.4"),
            Generation::A7 => ("0.11.5", "0.11.5"),
            Generation::A8 => ("0.11.6", "0.11.7"),
            Generation::A9 => ("0.11.8", "0.11.8"),
            Generation::A10 => ("0.12.0", "0.16.1"),
            Generation::B1 => ("1.0.0", "1.0.3"),
            Generation::B2 => ("1.0.4", "1.0.4"),
            Generation::B3 => ("1.1.0", "1.1.4"),
            Generation::B4 => ("1.2.0", "1.2.0"),
            Generation::B5 => ("1.2.1", "1.3.1"),
            Generation::B6 => ("1.3.2", "1.4.1"),
        }
    }

    /// The plugin API numbers of these releases.
    pub fn api(self) -> RangeInclusive<i32> {
        match self {
            Generation::A1 | Generation::A2 | Generation::A3 => 14..=14,
            Generation::A4 | Generation::A5 | Generation::A6 | Generation::A7 => 15..=15,
            Generation::A8 | Generation::A9 => 16..=16,
            Generation::A10 => 17..=20,
            Generation::B1 => 101..=101,
            Generation::B2 | Generation::B3 | Generation::B4 => 102..=102,
            Generation::B5 => 103..=106,
            Generation::B6 => 106..=106,
        }
    }

    /// The generation of this name (`B3`), in any case.
    pub fn from_name(name: &str) -> Option<Generation> {
        Generation::ALL.into_iter().find(|g| g.to_string().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    const BEGIN: &str = "<!-- generations: written by `JANUS_RS_WRITE=1 cargo test --lib generation` -->\n";
    const END: &str = "<!-- end of generations -->\n";

    /// What is served, generation by generation.
    fn table() -> String {
        let mut text = "| Generation | plugins built for | plugin API | media of one PeerConnection |\n|---|---|---|---|\n"
            .to_owned();
        for generation in Generation::ALL {
            let range = |first: &str, last: &str| match first == last {
                true => first.to_owned(),
                false => format!("{first} … {last}"),
            };
            let (releases, api) = (generation.releases(), generation.api());
            let (releases, api) =
                (range(releases.0, releases.1), range(&api.start().to_string(), &api.end().to_string()));
            let media =
                if generation <= Generation::A10 { "an audio, a video, a data one" } else { "any number" };
            text += &format!("| {generation} | {releases} | {api} | {media} |\n");
        }
        text
    }

    #[test]
    fn the_readme_names_what_is_served() {
        let readme = std::fs::read_to_string(README).unwrap();
        let (before, rest) = readme.split_once(BEGIN).unwrap();
        let (written, after) = rest.split_once(END).unwrap();
        if std::env::var_os("JANUS_RS_WRITE").is_some() {
            std::fs::write(README, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        } else {
            assert_eq!(written, table(), "JANUS_RS_WRITE=1 cargo test --lib generation");
        }
    }
}
