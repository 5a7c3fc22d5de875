//! Which release a compiled plugin comes from, for the plugin API numbers that stand for more than one layout.
//! The facts are in `data/generations.txt`; see its head for the format.
#![forbid(unsafe_code)]

use super::calls::Said;
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

/// Does this release's `janus_vp8_parse_descriptor` have the argument `m`? Both lineages got it inside a generation.
pub fn takes_m(release: Release) -> bool {
    match release[0] {
        0 => release >= [0, 13, 2],
        _ => release >= [1, 1, 2],
    }
}

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

/// Plugins that come with the server. Only of these does the version of the file tell the release.
const BUNDLED: [&str; 12] = [
    "janus_audiobridge",
    "janus_duktape",
    "janus_echotest",
    "janus_lua",
    "janus_nosip",
    "janus_recordplay",
    "janus_sip",
    "janus_streaming",
    "janus_textroom",
    "janus_videocall",
    "janus_videoroom",
    "janus_voicemail",
];

/// The bundled module that a file says to be by its shared object name: `libjanus_echotest.so.1` → `janus_echotest`.
/// The name is inside the file, and stays when the file is renamed.
pub fn bundled(module: &Module) -> Option<&'static str> {
    let stem = module.soname.as_deref()?.strip_prefix("lib")?.split('.').next()?;
    BUNDLED.into_iter().find(|name| *name == stem)
}

/// Versions of bundled files: that of the file itself (`libjanus_echotest.so.1.1.2`), and the releases that have it.
/// The shared object name has the first number only. Older releases all have 0.0.0.
const FILE_VERSIONS: [(&str, Release); 16] = [
    ("1.0.1", [1, 1, 0]),
    ("0.1.1", [1, 1, 1]),
    ("1.1.2", [1, 1, 2]),
    ("1.1.3", [1, 1, 3]),
    ("1.1.4", [1, 1, 4]),
    ("2.0.0", [1, 2, 0]),
    ("2.0.1", [1, 2, 1]),
    ("2.0.2", [1, 2, 2]),
    ("2.0.3", [1, 2, 3]),
    ("2.0.4", [1, 2, 4]),
    ("2.0.5", [1, 3, 0]),
    ("2.0.6", [1, 3, 1]),
    ("2.0.7", [1, 3, 2]),
    ("2.0.8", [1, 3, 3]),
    ("2.0.9", [1, 4, 0]),
    ("2.0.10", [1, 4, 1]),
];
const UNVERSIONED: &str = "0.0.0";

/// The version in a file name, after `.so.`; `versions` is how many numbers it has.
fn version(name: &str) -> Option<(&str, usize)> {
    let version = name.split_once(".so.")?.1;
    let numbers =
        version.split('.').filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())).count();
    (numbers == version.split('.').count()).then_some((version, numbers))
}

/// The releases of `all` whose files have this version, which may be shortened to its first number.
fn of_version(all: &BTreeSet<Release>, version: &str, numbers: usize) -> BTreeSet<Release> {
    let fits = |full: &str| match numbers {
        1 => full.split('.').next() == Some(version),
        _ => full == version,
    };
    let of = |release: &Release| {
        FILE_VERSIONS.iter().find(|row| row.1 == *release).map_or(UNVERSIONED, |row| row.0)
    };
    all.iter().copied().filter(|r| fits(of(r))).collect()
}

/// What name and version of a bundled file tell.
fn of_file(all: &BTreeSet<Release>, module: &Module) -> Vec<Finding> {
    if bundled(module).is_none() {
        return Vec::new();
    }
    let soname = module.soname.as_deref().and_then(version);
    // The soname is what was linked; the file may have been renamed to anything.
    let real = version(&module.real_name).filter(|real| {
        real.1 == 3 && soname.is_none_or(|soname| real.0.split('.').next() == soname.0.split('.').next())
    });
    [
        ("shared object name", module.soname.as_deref(), soname),
        ("file name", Some(module.real_name.as_str()), real),
    ]
    .into_iter()
    .filter_map(|(what, name, version)| {
        let (name, (version, numbers)) = (name?, version?);
        let releases = of_version(all, version, numbers);
        (!releases.is_empty() && releases.len() < all.len())
            .then(|| Finding { what: format!("{what} {name}"), releases })
    })
    .collect()
}

/// Build-ids of distribution packages.
static BUILDS: LazyLock<HashMap<&'static str, (Release, &'static str)>> = LazyLock::new(|| {
    let rows = include_str!("data/builds.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    rows.map(|row| {
        let mut words = row.split(' ');
        let mut word = || words.next().expect("build-id, release, origin, module");
        (word(), (release(word()), word()))
    })
    .collect()
});

fn of_build(all: &BTreeSet<Release>, module: &Module) -> Option<Finding> {
    let (release, origin) = module.build_id.as_deref().and_then(|id| BUILDS.get(id))?;
    all.contains(release)
        .then(|| Finding { what: format!("build-id of {origin}"), releases: BTreeSet::from([*release]) })
}

/// The plugin API number of a file that a distribution's package has.
pub fn api_of_build(module: &Module) -> Option<i32> {
    let (release, _) = module.build_id.as_deref().and_then(|id| BUILDS.get(id))?;
    let has = |group: &Group| group.releases.iter().any(|known| known.0 == *release);
    TABLE.groups.iter().find(|(_, group)| has(group)).map(|(api, _)| *api)
}

/// Is this what a plugin of the generation does? Releases inside it may differ in more.
fn does(said: Said, generation: Generation) -> bool {
    use Generation::{B1, B2, B3, B4, B6};
    match said {
        // These functions and options exist in 1.x only.
        Said::CodecIsSixth | Said::CodecIsFourth => (B1..=B3).contains(&generation),
        Said::SsrcsAreSixth | Said::DescriptorIsFourth => (B4..=B6).contains(&generation),
        Said::Options10 => (B1..=B2).contains(&generation),
        Said::Options11 => (B3..=B6).contains(&generation),
        Said::DescriptorOfSeven | Said::DescriptorOfEight => true,
    }
}

/// Can a plugin whose code says this not be of this generation? Of 0.x nothing is known here.
pub fn excludes(said: Said, generation: Generation) -> bool {
    generation >= Generation::B1 && !does(said, generation)
}

/// A release by its number (`1.1.2`), and the generation of its plugins.
pub fn named(text: &str) -> Option<(Release, Generation)> {
    let numbers = |text: &str| {
        let mut numbers = text.split('.').map(|n| n.parse().ok());
        let release = [numbers.next()??, numbers.next()??, numbers.next()??];
        numbers.next().is_none().then_some(release)
    };
    let release: Release = numbers(text)?;
    let of = |generation: &Generation| {
        let (first, last) = generation.releases();
        numbers(first).is_some_and(|first| first <= release)
            && numbers(last).is_some_and(|last| release <= last)
    };
    Some((release, Generation::ALL.into_iter().find(of)?))
}

fn of_calls(group: &Group, module: &Module) -> Vec<Finding> {
    let fits = |said: Said, release: Release, generation: Generation| match said {
        Said::DescriptorOfSeven => !takes_m(release),
        Said::DescriptorOfEight => takes_m(release),
        said => does(said, generation),
    };
    let found = module.calls.said.iter().map(|said| Finding {
        what: said.text().to_owned(),
        releases: group.releases.iter().filter(|r| fits(*said, r.0, r.1)).map(|r| r.0).collect(),
    });
    let all = group.releases.len();
    found.filter(|f| !f.releases.is_empty() && f.releases.len() < all).collect()
}

/// What identifies the release of a file even when its API number is not known.
pub fn identity(group: &Group, module: &Module) -> Vec<Finding> {
    let all: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    // Without an API number, "no version" could be any old release.
    let versioned = of_file(&all, module).into_iter().filter(|f| !f.what.contains(".so.0"));
    of_build(&all, module).into_iter().chain(versioned).collect()
}

/// What the file of a plugin says about its release, under its API number, the surest first. `name` is the bundled
/// module's name (`janus_echotest`), when the package is one of those.
pub fn findings(group: &Group, name: Option<&str>, module: &Module) -> Vec<Finding> {
    let all: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    let mut found: Vec<Finding> = of_build(&all, module).into_iter().collect();
    found.extend(of_calls(group, module));
    let imported = |symbol: &str| module.imports.iter().any(|i| &*i.name == symbol);
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
    if name.is_none_or(|name| bundled(module) == Some(name)) {
        found.extend(of_file(&all, module));
    }
    // That a mark is missing tells something only of files that are what their package says.
    let own = name.is_some_and(|name| bundled(module) == Some(name));
    let Some(marks) = name.and_then(|n| group.modules.get(n)) else { return found };
    if !marks.strings.is_empty() {
        let present: Vec<bool> = contains(module, &marks.strings);
        let releases = matching(&all, &present, marks.strings.iter().map(|m| &m.2));
        let hits = present.iter().filter(|p| **p).count();
        if !releases.is_empty() && (own || hits > 0) {
            found.push(Finding { what: format!("{hits} of {} known texts", present.len()), releases });
        }
    }
    if !marks.imports.is_empty() {
        let present: Vec<bool> = marks.imports.iter().map(|m| imported(m.0)).collect();
        let releases = matching(&all, &present, marks.imports.iter().map(|m| &m.1));
        let hits = present.iter().filter(|p| **p).count();
        if !releases.is_empty() && (own || hits > 0) {
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
