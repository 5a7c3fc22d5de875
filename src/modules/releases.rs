//! Which release a compiled plugin comes from, for the plugin API numbers that stand for more than one layout.
//! The facts are in `data/generations.txt`; see its head for the format.
#![forbid(unsafe_code)]

use super::elf::Module;
use crate::abi::generation::Generation;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// A release, as numbers; compares by age inside one lineage.
pub type Release = [u16; 3];

/// Releases with one API number.
#[derive(Debug, Default)]
pub struct Group {
    /// Oldest first.
    pub releases: Vec<(Release, Generation)>,
    /// By bundled module.
    modules: HashMap<&'static str, Marks>,
}

/// What tells releases of one bundled module apart: mark, and who has it.
#[derive(Debug, Default)]
struct Marks {
    strings: Vec<(&'static str, usize, BTreeSet<Release>)>,
    imports: Vec<(&'static str, BTreeSet<Release>)>,
}

#[derive(Debug, Default)]
struct Table {
    groups: HashMap<i32, Group>,
    since: Vec<(&'static str, Release)>,
    until: Vec<(&'static str, Release)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| parse(include_str!("data/generations.txt")));

/// The releases behind an ambiguous API number; `None` for unambiguous ones.
pub fn group(api: i32) -> Option<&'static Group> {
    TABLE.groups.get(&api)
}

pub fn text(release: Release) -> String {
    format!("{}.{}.{}", release[0], release[1], release[2])
}

fn release(text: &str) -> Release {
    let mut numbers = text.split('.').map(|n| n.parse().expect("number"));
    std::array::from_fn(|_| numbers.next().expect("three numbers"))
}

fn generation(text: &str) -> Generation {
    Generation::from_name(text).expect("a generation")
}

fn parse(data: &'static str) -> Table {
    let mut table = Table::default();
    let (mut api, mut module) = (0, "");
    for line in data.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let mut words = line.split(' ');
        let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match kind {
            "api" => {
                api = key.parse().expect("API number");
                let releases = words.map(|w| {
                    let (tag, name) = w.split_once(':').expect("release:generation");
                    (release(tag), generation(name))
                });
                table.groups.insert(api, Group { releases: releases.collect(), modules: HashMap::new() });
            }
            "module" => module = key,
            "since" => table.since.push((key, release(words.next().expect("release")))),
            "until" => table.until.push((key, release(words.next().expect("release")))),
            _ => {
                let group = table.groups.get_mut(&api).expect("api before marks");
                let marks = group.modules.entry(module).or_default();
                if kind == "string" {
                    let length = words.next().expect("length").parse().expect("number");
                    marks.strings.push((key, length, words.map(release).collect()));
                } else {
                    assert_eq!(kind, "import", "unknown line in generations.txt");
                    marks.imports.push((key, words.map(release).collect()));
                }
            }
        }
    }
    table
}

/// One step of the reasoning: what was looked at, and the releases it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub releases: BTreeSet<Release>,
}

/// What the file of a plugin says about its release, under its API number. `name` is the bundled module's name
/// (`janus_echotest`), when the package is one of those.
pub fn findings(group: &Group, name: Option<&str>, module: &Module) -> Vec<Finding> {
    let mut found = Vec::new();
    let all: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    let imported = |symbol: &str| module.imports.iter().any(|i| i.name == symbol);
    for (symbol, first) in TABLE.since.iter().filter(|s| imported(s.0)) {
        let releases: BTreeSet<Release> = all.iter().copied().filter(|r| r >= first).collect();
        if releases.len() < all.len() && !releases.is_empty() {
            found.push(Finding { what: format!("imports {symbol}"), releases });
        }
    }
    for (symbol, last) in TABLE.until.iter().filter(|s| imported(s.0)) {
        let releases: BTreeSet<Release> = all.iter().copied().filter(|r| r <= last).collect();
        if releases.len() < all.len() && !releases.is_empty() {
            found.push(Finding { what: format!("imports {symbol}"), releases });
        }
    }
    let Some(marks) = name.and_then(|n| group.modules.get(n)) else { return found };
    if !marks.strings.is_empty() {
        let present: Vec<bool> = contains(module, &marks.strings);
        let releases = matching(&all, &present, marks.strings.iter().map(|m| &m.2));
        if !releases.is_empty() {
            let hits = present.iter().filter(|p| **p).count();
            found.push(Finding { what: format!("{hits} of {} known texts", present.len()), releases });
        }
    }
    if !marks.imports.is_empty() {
        let present: Vec<bool> = marks.imports.iter().map(|m| imported(m.0)).collect();
        let releases = matching(&all, &present, marks.imports.iter().map(|m| &m.1));
        if !releases.is_empty() {
            let hits = present.iter().filter(|p| **p).count();
            found.push(Finding { what: format!("{hits} of {} telling imports", present.len()), releases });
        }
    }
    found
}

/// Releases that have exactly the marks that are present.
fn matching<'a>(
    all: &BTreeSet<Release>,
    present: &[bool],
    marks: impl Iterator<Item = &'a BTreeSet<Release>> + Clone,
) -> BTreeSet<Release> {
    let fits = |r: &Release| marks.clone().zip(present).all(|(who, p)| who.contains(r) == *p);
    all.iter().copied().filter(fits).collect()
}

/// Which of these string literals the module has. The linker may have merged a literal into the tail of a longer
/// one, so only its end (NUL) is looked for.
fn contains(module: &Module, strings: &[(&'static str, usize, BTreeSet<Release>)]) -> Vec<bool> {
    let mut present = vec![false; strings.len()];
    for data in &module.constants {
        let mut start = 0;
        for end in (0..data.len()).filter(|i| data[*i] == 0) {
            for (i, (hash, length, _)) in strings.iter().enumerate() {
                if !present[i] && end - start >= *length {
                    present[i] = prefix(&data[end - length..end]) == *hash;
                }
            }
            start = end + 1;
        }
    }
    present
}

/// The first 16 hexadecimal digits of the SHA-256.
fn prefix(data: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, data);
    digest.as_ref()[..8].iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::elf::Import;
    use super::*;

    #[test]
    fn the_table_is_whole() {
        for (api, releases) in [(14, 6), (15, 16), (16, 3), (102, 7), (106, 5)] {
            assert_eq!(group(api).unwrap().releases.len(), releases, "API {api}");
        }
        assert!(group(101).is_none());
        assert!(TABLE.since.len() > 20 && TABLE.until.len() == 2);
    }

    #[test]
    fn an_import_excludes_older_releases() {
        let module = Module {
            imports: vec![Import { name: "janus_network_resolve_address".into(), weak: false }],
            ..Module::default()
        };
        let found = findings(group(102).unwrap(), None, &module);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].releases, BTreeSet::from([[1, 1, 3], [1, 1, 4], [1, 2, 0]]));
    }

    #[test]
    fn literals_are_found_also_as_tails() {
        let wanted: [(&'static str, usize, BTreeSet<Release>); 2] = [
            (Box::leak(prefix(b"tail").into_boxed_str()), 4, BTreeSet::new()),
            (Box::leak(prefix(b"none").into_boxed_str()), 4, BTreeSet::new()),
        ];
        let module = Module { constants: vec![b"\0a long tail\0other\0".to_vec()], ..Module::default() };
        assert_eq!(contains(&module, &wanted), [true, false]);
    }
}
