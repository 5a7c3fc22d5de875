//! Deciding the ABI generation of a plugin, with the evidence for it.
#![forbid(unsafe_code)]

use super::elf::Module;
use super::releases::{self, Release};
use crate::abi::generation::Generation;
use std::collections::BTreeSet;

/// Generations whose callback table and packets we have. Others are refused with one line.
pub const SERVED: [Generation; 6] =
    [Generation::B1, Generation::B2, Generation::B3, Generation::B4, Generation::B5, Generation::B6];

/// What one plugin of a folder says about all of them: modules of one installation come from one release.
#[derive(Clone, Debug)]
pub struct Sibling {
    pub name: String,
    pub api: i32,
    pub releases: BTreeSet<Release>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub generation: Generation,
    /// Not merely assumed.
    pub certain: bool,
    /// For people, in order of reasoning.
    pub evidence: Vec<String>,
}

/// A plugin as far as it is known before it is initialised.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub api: i32,
    /// `janus.plugin.echotest`.
    pub package: &'a str,
    pub module: &'a Module,
}

/// `janus.plugin.echotest` → `janus_echotest`.
fn bundled_name(package: &str) -> Option<String> {
    package.strip_prefix("janus.plugin.").map(|name| format!("janus_{name}"))
}

/// What the plugin's own file leaves, for its siblings. `None` when its API number is not ambiguous.
pub fn sibling(candidate: Candidate<'_>) -> Option<Sibling> {
    let group = releases::group(candidate.api)?;
    let mut releases: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    for finding in releases::findings(group, bundled_name(candidate.package).as_deref(), candidate.module) {
        intersect(&mut releases, &finding.releases);
    }
    Some(Sibling { name: candidate.package.to_owned(), api: candidate.api, releases })
}

/// Decides; the error is the reason for refusing the plugin.
pub fn decide(
    candidate: Candidate<'_>,
    siblings: &[Sibling],
    configured: Option<Generation>,
) -> Result<Decision, String> {
    let api = candidate.api;
    let mut evidence = vec![format!("plugin API {api}")];
    if let Some(generation) = configured {
        evidence.push("configured".to_owned());
        return served(Decision { generation, certain: true, evidence }, api);
    }
    let Some(group) = releases::group(api) else {
        let generation = match api {
            17..=20 => Generation::A10,
            101 => Generation::B1,
            103..=105 => Generation::B5,
            107.. => {
                evidence.push("newer than known, taken as the newest".to_owned());
                Generation::NATIVE
            }
            _ => return Err(format!("its plugin API {api} belongs to no known release")),
        };
        return served(Decision { generation, certain: api < 107, evidence }, api);
    };
    let mut left: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    let name = bundled_name(candidate.package);
    for finding in releases::findings(group, name.as_deref(), candidate.module) {
        evidence.push(format!("{}: {}", finding.what, range(&finding.releases)));
        intersect(&mut left, &finding.releases);
    }
    for other in siblings.iter().filter(|s| s.api == api && s.name != candidate.package) {
        if generations(group, &left).len() == 1 {
            break;
        }
        let before = left.clone();
        intersect(&mut left, &other.releases);
        if left != before {
            evidence.push(format!("beside {}: {}", other.name, range(&other.releases)));
        }
    }
    let choices = generations(group, &left);
    let certain = choices.len() == 1;
    let generation = match choices.iter().rev().find(|g| SERVED.contains(g)).or(choices.last()) {
        Some(generation) => *generation,
        None => return Err(format!("its plugin API {api} belongs to no known release")),
    };
    if !certain {
        evidence.push("assumed: nothing tells it from other generations of this number".to_owned());
    }
    served(Decision { generation, certain, evidence }, api)
}

fn served(decision: Decision, api: i32) -> Result<Decision, String> {
    if SERVED.contains(&decision.generation) {
        return Ok(decision);
    }
    Err(format!(
        "its plugin API {api} is generation {} ({}), which is not served yet",
        decision.generation,
        decision.evidence.join("; ")
    ))
}

/// Contradicting evidence is ignored: a patched build may have lost a text.
fn intersect(left: &mut BTreeSet<Release>, with: &BTreeSet<Release>) {
    let both: BTreeSet<Release> = left.intersection(with).copied().collect();
    if !both.is_empty() {
        *left = both;
    }
}

fn generations(group: &releases::Group, left: &BTreeSet<Release>) -> BTreeSet<Generation> {
    group.releases.iter().filter(|r| left.contains(&r.0)).map(|r| r.1).collect()
}

fn range(releases: &BTreeSet<Release>) -> String {
    match (releases.first(), releases.last()) {
        (Some(first), Some(last)) if first == last => releases::text(*first),
        (Some(first), Some(last)) => format!("{} … {}", releases::text(*first), releases::text(*last)),
        _ => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::elf::Import;
    use super::*;

    fn decide_for(api: i32, imports: &[&str], siblings: &[Sibling]) -> Result<Decision, String> {
        let module = Module {
            imports: imports.iter().map(|n| Import { name: (*n).into(), weak: false }).collect(),
            ..Module::default()
        };
        decide(Candidate { api, package: "org.example.plugin", module: &module }, siblings, None)
    }

    #[test]
    fn numbers_that_stand_for_one_layout() {
        let b5 = decide_for(104, &[], &[]).unwrap();
        assert_eq!((b5.generation, b5.certain), (Generation::B5, true));
        let newer = decide_for(107, &[], &[]).unwrap();
        assert_eq!((newer.generation, newer.certain), (Generation::B6, false));
    }

    #[test]
    fn what_is_served_has_callbacks() {
        for generation in Generation::ALL {
            assert_eq!(super::super::callbacks::table(generation).is_some(), SERVED.contains(&generation));
        }
    }

    #[test]
    fn what_is_not_served_is_refused_in_one_line() {
        let why = decide_for(20, &[], &[]).unwrap_err();
        assert!(
            why.contains("generation A10") && why.contains("not served yet") && !why.contains('\n'),
            "{why}"
        );
        assert!(decide_for(3, &[], &[]).unwrap_err().contains("no known release"));
    }

    #[test]
    fn imports_and_siblings_narrow_it_down() {
        let assumed = decide_for(102, &[], &[]).unwrap();
        assert_eq!((assumed.generation, assumed.certain), (Generation::B4, false));
        let sibling = Sibling {
            name: "janus.plugin.streaming".into(),
            api: 102,
            releases: BTreeSet::from([[1, 1, 1], [1, 1, 2]]),
        };
        let known = decide_for(102, &[], std::slice::from_ref(&sibling)).unwrap();
        assert_eq!((known.generation, known.certain), (Generation::B3, true));
        assert!(
            known.evidence.iter().any(|e| e == "beside janus.plugin.streaming: 1.1.1 … 1.1.2"),
            "{known:?}"
        );
        let layers =
            decide_for(106, &["janus_rtp_header_extension_parse_video_layers_allocation"], &[]).unwrap();
        assert_eq!((layers.generation, layers.certain), (Generation::B6, true));
    }

    #[test]
    fn the_configured_generation_wins() {
        let module = Module::default();
        let candidate = Candidate { api: 102, package: "x", module: &module };
        assert_eq!(decide(candidate, &[], Some(Generation::B5)).unwrap().generation, Generation::B5);
        assert!(decide(candidate, &[], Some(Generation::A1)).is_err());
    }
}
