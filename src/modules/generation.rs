//! Deciding the ABI generation of a plugin, with the evidence for it.
#![forbid(unsafe_code)]

use super::calls;
use super::elf::{self, Module};
use super::releases::{self, Release};
use crate::abi::entry::VARIANTS;
use crate::abi::generation::Generation;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Another plugin file of the folder: modules of one installation come from one release. Its code never runs for this.
#[derive(Clone, Debug)]
pub struct Sibling {
    pub path: PathBuf,
    pub module: Module,
    /// Read from the file, or asked of the module when it is one that runs.
    pub api: Option<i32>,
}

/// The plugin files among `files`, as far as they can be read.
pub fn siblings(files: &[PathBuf]) -> Vec<Sibling> {
    let read = |path: &PathBuf| {
        let module = elf::read(path).ok().filter(|m| m.has_create)?;
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        Some(Sibling { path, api: module.calls.api, module })
    };
    files.iter().filter_map(read).collect()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whose functions and callbacks the plugin gets.
    pub generation: Generation,
    /// Whose packets it is handed: where only the end of a struct differs, and nobody knows which it is, the smaller is
    /// read and the larger handed out.
    pub receives: Generation,
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
    pub path: &'a Path,
    pub module: &'a Module,
}

impl Candidate<'_> {
    fn file(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn imports(&self, symbol: &str) -> bool {
        self.module.imports.iter().any(|i| i.name == symbol)
    }

    /// The configuration that settles the matter.
    pub fn override_line(&self, generation: Generation) -> String {
        format!("plugins: {{ abi_generations = \"{}={generation}\" }}", self.file())
    }
}

/// Has another argument in the middle of what is generation A10 otherwise, and writes to what it is given.
const VP8_DESCRIPTOR: &str = "janus_vp8_parse_descriptor";

/// Can a plugin with this API number be of this generation? The number says how long its table is and what it calls
/// itself with; both have been relied on by now.
fn plausible(api: i32, generation: Generation) -> bool {
    match api {
        ..15 => generation <= Generation::A3,
        15..100 => (Generation::A4..=Generation::A10).contains(&generation),
        _ => generation >= Generation::B1,
    }
}

/// `janus.plugin.echotest` → `janus_echotest`.
fn bundled_name(package: &str) -> Option<String> {
    package.strip_prefix("janus.plugin.").map(|name| format!("janus_{name}"))
}

/// Decides; the error is the reason for refusing the plugin, in one line. A wrong answer could make us write beyond
/// the plugin's structs, so one that nothing speaks for is not given.
pub fn decide(
    candidate: Candidate<'_>,
    siblings: &[Sibling],
    configured: Option<Generation>,
) -> Result<Decision, String> {
    let api = candidate.api;
    let mut evidence = vec![format!("plugin API {api}")];
    if let Some(generation) = configured {
        if !plausible(api, generation) {
            return Err(format!("its plugin API {api} cannot be that of {generation}, as is configured"));
        }
        evidence.push("configured".to_owned());
        return Ok(Decision { generation, receives: generation, certain: true, evidence });
    }
    let Some(group) = releases::group(api) else {
        let known = Generation::ALL.into_iter().find(|g| g.api().contains(&api));
        let generation = match (known, api) {
            (_, 17) if candidate.imports(VP8_DESCRIPTOR) => {
                return Err(format!(
                    "its plugin API 17 is that of 0.12.0 … 0.14.1, and {VP8_DESCRIPTOR}, which it imports, has one \
                     argument more from 0.13.2 on; if it was compiled for that, say so: {}",
                    candidate.override_line(Generation::A10)
                ));
            }
            (Some(generation), _) => generation,
            (None, 107..) => {
                evidence.push("newer than known, taken as the newest".to_owned());
                Generation::NATIVE
            }
            _ => return Err(format!("its plugin API {api} belongs to no known release")),
        };
        return Ok(Decision { generation, receives: generation, certain: api < 107, evidence });
    };
    let mut left: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    let name = bundled_name(candidate.package);
    for finding in releases::findings(group, name.as_deref(), candidate.module) {
        evidence.push(format!("{}: {}", finding.what, range(&finding.releases)));
        intersect(&mut left, &finding.releases);
    }
    if generations(group, &left).len() > 1 {
        beside(candidate, siblings, group, &mut left, &mut evidence);
    }
    let choices = generations(group, &left);
    among(candidate, choices, name.as_deref(), evidence)
}

/// Narrows `left` down by what the other files of the folder are, when those agree with each other.
fn beside(
    candidate: Candidate<'_>,
    siblings: &[Sibling],
    group: &releases::Group,
    left: &mut BTreeSet<Release>,
    evidence: &mut Vec<String>,
) {
    let all: BTreeSet<Release> = group.releases.iter().map(|r| r.0).collect();
    let real = candidate.path.canonicalize();
    let (mut common, mut telling) = (all.clone(), Vec::new());
    for other in siblings.iter().filter(|s| !real.as_ref().is_ok_and(|real| *real == s.path)) {
        // Only what comes with the server tells the release of the server.
        let Some(name) = releases::bundled(&other.module) else { continue };
        let findings = match other.api {
            Some(api) if api == candidate.api => releases::findings(group, Some(name), &other.module),
            Some(_) => continue,
            None => releases::identity(group, &other.module),
        };
        let mut releases = all.clone();
        findings.iter().for_each(|finding| intersect(&mut releases, &finding.releases));
        if releases.is_disjoint(&common) {
            evidence.push(
                "the folder holds plugins of several releases: they tell nothing about each other".to_owned(),
            );
            return;
        }
        let before = common.len();
        common.retain(|r| releases.contains(r));
        if common.len() < before {
            telling.push(name);
        }
    }
    if !telling.is_empty() {
        evidence.push(format!("beside {}: {}", telling.join(", "), range(&common)));
    }
    intersect(left, &common);
}

/// Symbols whose form differs between generations in what they do, not in what they read or write: whichever form a
/// plugin gets, no memory is at stake.
const SAME_LAYOUT: [&str; 8] = [
    "janus_gzip_compress",
    "janus_h264_is_keyframe",
    "janus_network_lookup_interface",
    "janus_rtcp_get_receiver_ssrc",
    "janus_rtcp_has_fir",
    "janus_sdp_attribute_create",
    "janus_sdp_oa_type_str",
    "janus_sdp_write",
];

/// Symbols where newer generations only know more at the end: the older form is right for both.
const LONGER: [&str; 2] = ["janus_plugin_rtp_extensions_reset", "janus_plugin_rtp_reset"];

/// Bundled plugins of A6 and A7 that never look into the switching context, which is all that differs: the smaller one
/// serves both.
const OPAQUE: [&str; 8] = [
    "janus_audiobridge",
    "janus_duktape",
    "janus_echotest",
    "janus_lua",
    "janus_nosip",
    "janus_recordplay",
    "janus_sip",
    "janus_videocall",
];

/// The answer when these generations are left.
fn among(
    candidate: Candidate<'_>,
    choices: BTreeSet<Generation>,
    name: Option<&str>,
    mut evidence: Vec<String>,
) -> Result<Decision, String> {
    use Generation::{A6, A7, A8, A9, B5, B6};
    let (Some(oldest), Some(newest)) = (choices.first().copied(), choices.last().copied()) else {
        return Err(format!("its plugin API {} belongs to no known release", candidate.api));
    };
    let only = |pair: [Generation; 2]| choices.iter().all(|c| pair.contains(c));
    let mut decision = |generation, receives, certain, why: Option<String>| {
        evidence.extend(why);
        Ok(Decision { generation, receives, certain, evidence: std::mem::take(&mut evidence) })
    };
    if choices.len() == 1 {
        return decision(oldest, oldest, true, None);
    }
    let between = format!("{oldest} … {newest}");
    let differing = differing(candidate.module, &choices);
    let longer_only = differing.iter().all(|symbol| LONGER.contains(symbol));
    if (only([A8, A9]) || only([B5, B6])) && longer_only {
        let why = format!("assumed: {between}; fields that only {newest} has are not read");
        return decision(oldest, newest, false, Some(why));
    }
    if only([A6, A7]) && name.is_some_and(|name| OPAQUE.contains(&name)) {
        return decision(
            oldest,
            oldest,
            true,
            Some(format!("it does not look into what differs in {between}")),
        );
    }
    if differing.is_empty() {
        return decision(newest, newest, true, Some(format!("what it imports is the same in {between}")));
    }
    let unread = if calls::DECODED { "" } else { " (code is not read on this machine)" };
    Err(format!(
        "its plugin API {} is that of {between}, which differ in {}, and neither its file nor the other files of its \
         folder tell which it was compiled for{unread}; if you know, say so: {}",
        candidate.api,
        differing.join(", "),
        candidate.override_line(newest)
    ))
}

/// What the module imports that is not the same for all of these generations.
fn differing<'a>(module: &'a Module, choices: &BTreeSet<Generation>) -> Vec<&'a str> {
    let form = |symbol: &str, generation: Generation| {
        VARIANTS.iter().position(|v| v.symbol == symbol && v.first <= generation && generation <= v.last)
    };
    let differs = |symbol: &&str| {
        let forms: BTreeSet<_> = choices.iter().map(|g| form(symbol, *g)).collect();
        forms.len() > 1 && !SAME_LAYOUT.contains(symbol)
    };
    module.imports.iter().map(|i| i.name.as_str()).filter(differs).collect()
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

    fn module(imports: &[&str]) -> Module {
        Module {
            imports: imports.iter().map(|n| Import { name: (*n).into(), weak: false }).collect(),
            ..Module::default()
        }
    }

    fn decide_for(api: i32, imports: &[&str], siblings: &[Sibling]) -> Result<Decision, String> {
        let module = module(imports);
        let path = Path::new("/plugins/ours.so");
        decide(Candidate { api, package: "org.example.plugin", path, module: &module }, siblings, None)
    }

    fn beside(name: &str, soname: &str, real_name: &str, api: Option<i32>) -> Sibling {
        let (soname, real_name) = (Some(soname.to_owned()), real_name.to_owned());
        let path = Path::new("/plugins").join(name);
        Sibling { path, api, module: Module { soname, real_name, ..Module::default() } }
    }

    #[test]
    fn numbers_that_stand_for_one_layout() {
        let b5 = decide_for(104, &[], &[]).unwrap();
        assert_eq!((b5.generation, b5.certain), (Generation::B5, true));
        let newer = decide_for(107, &[], &[]).unwrap();
        assert_eq!((newer.generation, newer.certain), (Generation::B6, false));
    }

    #[test]
    fn what_belongs_to_no_release_is_refused_in_one_line() {
        let why = decide_for(3, &[], &[]).unwrap_err();
        assert!(why.contains("no known release") && !why.contains('\n'), "{why}");
    }

    #[test]
    fn plugins_of_0_x_are_served() {
        let a10 = decide_for(20, &["janus_vp8_parse_descriptor"], &[]).unwrap();
        assert_eq!((a10.generation, a10.certain), (Generation::A10, true));
        // In the middle of API 17 this one got an argument.
        let why = decide_for(17, &["janus_vp8_parse_descriptor"], &[]).unwrap_err();
        assert!(why.contains("0.13.2") && why.contains("abi_generations = \"ours.so=A10\""), "{why}");
        // What is the same in A1 … A3.
        let any = decide_for(14, &["janus_sdp_parse", "janus_rtp_header_update"], &[]).unwrap();
        assert_eq!((any.generation, any.certain), (Generation::A3, true));
        let why = decide_for(14, &["janus_sdp_parse", "janus_audiocodec_name"], &[]).unwrap_err();
        assert!(why.contains("A1 … A3"), "{why}");
        // Only the end of a struct differs between A8 and A9.
        let tail = decide_for(16, &["janus_plugin_rtp_reset", "janus_sdp_parse"], &[]).unwrap();
        assert_eq!((tail.generation, tail.receives), (Generation::A8, Generation::A9));
    }

    const PROCESS: &str = "janus_rtp_simulcasting_context_process_rtp";

    #[test]
    fn what_nothing_tells_is_refused_with_the_override() {
        let why = decide_for(102, &["janus_vprintf", PROCESS], &[]).unwrap_err();
        assert!(why.contains(PROCESS) && why.contains("abi_generations = \"ours.so=B4\""), "{why}");
        assert!(!why.contains('\n'), "{why}");
    }

    /// As on a machine whose code is not decoded: `calls` of these modules say nothing.
    #[test]
    fn undecided_is_refused_and_never_assumed() {
        let differing = [
            (14, "janus_rtp_simulcasting_context_reset"),
            (15, "janus_rtp_simulcasting_context_reset"),
            (15, "janus_rtp_simulcasting_prepare"),
            (16, "janus_audiocodec_name"),
            (102, PROCESS),
            (102, "janus_sdp_generate_answer_mline"),
            (106, "janus_plugin_rtp_duplicate"),
        ];
        for (api, symbol) in differing {
            let why = decide_for(api, &[symbol], &[]).expect_err(symbol);
            assert!(why.contains(symbol) && why.contains("abi_generations = \"ours.so="), "{api}: {why}");
            assert_eq!(why.contains("not read on this machine"), !calls::DECODED, "{api}: {why}");
        }
    }

    #[test]
    fn what_imports_nothing_that_differs_is_served_as_any() {
        let any = decide_for(102, &["janus_vprintf", "janus_sdp_write"], &[]).unwrap();
        assert_eq!((any.generation, any.certain), (Generation::B4, true));
    }

    #[test]
    fn of_a_struct_that_grew_the_smaller_is_read_and_the_larger_handed_out() {
        let tail = decide_for(106, &["janus_plugin_rtp_extensions_reset"], &[]).unwrap();
        assert_eq!((tail.generation, tail.receives), (Generation::B5, Generation::B6));
        assert!(!tail.certain && tail.evidence.iter().any(|e| e.starts_with("assumed")), "{tail:?}");
        assert!(decide_for(106, &["janus_plugin_rtp_duplicate"], &[]).is_err());
    }

    #[test]
    fn siblings_tell_when_they_agree() {
        let streaming = beside("s.so", "libjanus_streaming.so.1", "libjanus_streaming.so.1.1.2", Some(102));
        let known = decide_for(102, &[PROCESS], std::slice::from_ref(&streaming)).unwrap();
        assert_eq!((known.generation, known.certain), (Generation::B3, true));
        assert!(known.evidence.iter().any(|e| e == "beside janus_streaming: 1.1.2"), "{known:?}");
        // Another API number, and files that do not come with the server, tell nothing.
        let others = [
            beside("x.so", "libjanus_echotest.so.2", "libjanus_echotest.so.2.0.0", Some(103)),
            beside("y.so", "liborg_example.so.2", "liborg_example.so.2.0.0", Some(102)),
        ];
        assert!(decide_for(102, &[PROCESS], &others).is_err());
        // Nor do files that contradict each other.
        let newer = beside("n.so", "libjanus_echotest.so.2", "libjanus_echotest.so.2.0.0", Some(102));
        assert!(decide_for(102, &[PROCESS], &[streaming, newer]).is_err());
        // The name alone is enough where the API number cannot be read.
        let unread = beside("u.so", "libjanus_sip.so.2", "libjanus_sip.so.2.0.0", None);
        assert_eq!(decide_for(102, &[PROCESS], &[unread]).unwrap().generation, Generation::B4);
    }

    #[test]
    fn the_shared_object_name_tells_when_the_file_was_renamed() {
        let name = |soname: &str, real_name: &str| {
            let module = Module {
                soname: Some(soname.to_owned()),
                real_name: real_name.to_owned(),
                ..module(&[PROCESS, "janus_sdp_generate_answer_mline"])
            };
            let path = Path::new("/plugins/renamed.so");
            decide(
                Candidate { api: 102, package: "janus.plugin.recordplay", path, module: &module },
                &[],
                None,
            )
            .map(|d| d.generation)
        };
        assert_eq!(name("libjanus_recordplay.so.1", "renamed.so"), Ok(Generation::B3));
        assert_eq!(name("libjanus_recordplay.so.2", "renamed.so"), Ok(Generation::B4));
        assert!(name("libjanus_recordplay.so.0", "renamed.so").is_err(), "1.0.4 or 1.1.1");
        assert_eq!(name("libjanus_recordplay.so.0", "libjanus_recordplay.so.0.0.0"), Ok(Generation::B2));
        assert_eq!(name("libjanus_recordplay.so.0", "libjanus_recordplay.so.0.1.1"), Ok(Generation::B3));
        assert!(name("libjanus_other.so.1", "libjanus_other.so.1.1.2").is_err());
    }

    #[test]
    fn code_outweighs_names() {
        let mut module = module(&[PROCESS]);
        module.soname = Some("libjanus_recordplay.so.1".to_owned());
        module.calls.said = vec![calls::Said::SsrcsAreSixth];
        let path = Path::new("/plugins/a.so");
        let decision = decide(
            Candidate { api: 102, package: "janus.plugin.recordplay", path, module: &module },
            &[],
            None,
        );
        assert_eq!(decision.unwrap().generation, Generation::B4);
    }

    #[test]
    fn imports_narrow_it_down() {
        let layers =
            decide_for(106, &["janus_rtp_header_extension_parse_video_layers_allocation"], &[]).unwrap();
        assert_eq!((layers.generation, layers.certain), (Generation::B6, true));
    }

    #[test]
    fn the_configured_generation_wins() {
        let module = Module::default();
        let candidate = Candidate { api: 102, package: "x", path: Path::new("x.so"), module: &module };
        assert_eq!(decide(candidate, &[], Some(Generation::B5)).unwrap().generation, Generation::B5);
        let why = decide(candidate, &[], Some(Generation::A1)).unwrap_err();
        assert!(why.contains("API 102 cannot be that of A1"), "{why}");
        let old = Candidate { api: 14, ..candidate };
        assert_eq!(decide(old, &[], Some(Generation::A2)).unwrap().generation, Generation::A2);
        assert!(decide(old, &[], Some(Generation::A4)).is_err());
    }
}
