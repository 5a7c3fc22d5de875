//! Deciding the ABI generation of a plugin, with the evidence for it.
#![forbid(unsafe_code)]

use super::calls::Said;
use super::elf::{self, Module};
use super::releases::{self, Release};
use super::undecided::Undecided;
use crate::abi::entry::VARIANTS;
use crate::abi::generation::Generation;
use std::collections::{BTreeSet, HashMap};
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
    /// Functions that changed inside a generation, and whose form of them the plugin gets.
    pub exceptions: Vec<(&'static str, Generation)>,
    /// Not merely assumed.
    pub certain: bool,
    /// For people, in order of reasoning.
    pub evidence: Vec<String>,
}

impl Decision {
    /// Whose form of a function the plugin gets.
    pub fn form(&self, symbol: &str) -> Generation {
        let exception = self.exceptions.iter().find(|exception| exception.0 == symbol);
        exception.map_or(self.generation, |exception| exception.1)
    }
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

    /// The entry of a configured list for it, by its file name or package.
    pub fn entry<'a, T>(&self, entries: &'a HashMap<String, T>) -> Option<&'a T> {
        entries.get(&self.file()).or_else(|| entries.get(self.package))
    }

    fn imports(&self, symbol: &str) -> bool {
        self.module.imports.iter().any(|i| &*i.name == symbol)
    }

    /// The configuration that settles the matter.
    pub fn override_line(&self, generation: Generation) -> String {
        self.override_with(&generation.to_string())
    }

    /// As [`Candidate::override_line`]; `built_for` may be a release as well.
    fn override_with(&self, built_for: &str) -> String {
        format!("plugins: {{ abi_generations = \"{}={built_for}\" }}", self.file())
    }
}

/// Got an argument in the middle of what is one generation otherwise ([`releases::takes_m`]), and writes to what it is given.
const VP8_DESCRIPTOR: &str = "janus_vp8_parse_descriptor";
/// The API numbers of the releases before and after that.
const VP8_DESCRIPTOR_CHANGED: [i32; 2] = [17, 102];

/// Became a function with a queue inside A10 and B5, with new API numbers.
const NACKS: &str = "janus_rtcp_get_nacks";

/// Whose form of `janus_vp8_parse_descriptor` a plugin has, where its generation does not say it: `left` are the releases
/// that it can be of.
fn descriptor(candidate: Candidate<'_>, left: &BTreeSet<Release>) -> Option<Generation> {
    let says = |what| candidate.module.calls.said.contains(&what);
    let with_m = left.iter().filter(|release| releases::takes_m(**release)).count();
    // The form of seven never writes beyond what either passes: where the file contradicts itself, it is the safe one.
    if says(Said::DescriptorOfSeven) {
        Some(Generation::A1)
    } else if says(Said::DescriptorOfEight) || with_m > 0 && with_m == left.len() {
        Some(Generation::NATIVE)
    } else if with_m == 0 && !left.is_empty() {
        Some(Generation::A1)
    } else {
        None
    }
}

/// What of the plugin's imports has another form than its generation, as far as that is known.
fn exceptions(candidate: Candidate<'_>, left: &BTreeSet<Release>) -> Vec<(&'static str, Generation)> {
    let mut found = Vec::new();
    if VP8_DESCRIPTOR_CHANGED.contains(&candidate.api) && candidate.imports(VP8_DESCRIPTOR) {
        found.extend(descriptor(candidate, left).map(|form| (VP8_DESCRIPTOR, form)));
    }
    // 0.15.1 and 1.3.1.
    if matches!(candidate.api, 20..100 | 106..) && candidate.imports(NACKS) {
        found.push((NACKS, Generation::NATIVE));
    }
    found
}

/// What the configuration says that a plugin was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configured {
    Generation(Generation),
    /// Some generations have functions that changed in the middle.
    Release(Release, Generation),
}

impl Configured {
    /// `B3` in any case, or `1.1.2`.
    pub fn from_name(name: &str) -> Option<Configured> {
        let named = || releases::named(name).map(|(release, of)| Configured::Release(release, of));
        Generation::from_name(name).map(Configured::Generation).or_else(named)
    }

    pub fn generation(self) -> Generation {
        match self {
            Configured::Generation(generation) | Configured::Release(_, generation) => generation,
        }
    }
}

/// The entries of a configured list, `FILE=GENERATION` or `FILE=RELEASE`, by file name or package.
pub fn configured(entries: &[String]) -> HashMap<String, Configured> {
    let mut all = HashMap::new();
    for entry in entries.iter().filter(|entry| !entry.is_empty()) {
        match entry
            .split_once('=')
            .map(|(name, built_for)| (name.trim(), Configured::from_name(built_for.trim())))
        {
            Some((name, Some(built_for))) => drop(all.insert(name.to_owned(), built_for)),
            _ => tracing::warn!("Ignoring abi_generations {entry}: expected FILE=GENERATION or FILE=RELEASE"),
        }
    }
    all
}

/// Can a plugin with this API number be of this generation? The number says how long its table is, what it calls itself
/// with, and which structs it may have; all have been relied on by now.
fn plausible(api: i32, generation: Generation) -> bool {
    if Generation::ALL.iter().any(|known| known.api().contains(&api)) {
        return generation.api().contains(&api);
    }
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

/// `janus_echotest` → `janus.plugin.echotest`.
pub fn package(bundled: &str) -> String {
    format!("janus.plugin.{}", bundled.trim_start_matches("janus_"))
}

/// Decides; the error is the reason for refusing the plugin, in one line. A wrong answer could make us write beyond
/// the plugin's structs, so one that nothing speaks for is not given.
pub fn decide(
    candidate: Candidate<'_>,
    siblings: &[Sibling],
    configured: Option<Configured>,
) -> Result<Decision, Undecided> {
    let api = candidate.api;
    let mut evidence = vec![format!("plugin API {api}")];
    let mut left = BTreeSet::new();
    let changed = VP8_DESCRIPTOR_CHANGED.contains(&api) && candidate.imports(VP8_DESCRIPTOR);
    let mut decision = if let Some(configured) = configured {
        let generation = configured.generation();
        if !plausible(api, generation) {
            return Err(Undecided::ConfiguredOtherwise { api, generation });
        }
        if let Some(said) =
            candidate.module.calls.said.iter().find(|said| releases::excludes(**said, generation))
        {
            return Err(Undecided::ConfiguredAgainstCode { generation, said: said.text() });
        }
        if let Configured::Release(release, _) = configured {
            left.insert(release);
        }
        evidence.push("configured".to_owned());
        simply(generation, true, evidence)
    } else if let Some(group) = releases::group(api) {
        left.extend(group.releases.iter().map(|r| r.0));
        let name = bundled_name(candidate.package);
        for finding in releases::findings(group, name.as_deref(), candidate.module) {
            evidence.push(format!("{}: {}", finding.what, range(&finding.releases)));
            intersect(&mut left, &finding.releases);
        }
        let (own, told) = (generations(group, &left), descriptor(candidate, &left).is_some());
        let by_itself = left.clone();
        if own.len() > 1 || changed && !told {
            beside(candidate, siblings, group, &mut left, &mut evidence);
        }
        let choices = generations(group, &left);
        if releases::bundled(candidate.module).is_none() {
            left = by_itself;
        }
        let known = exceptions(candidate, &left);
        // What comes with the server is of one release. A stranger's may be of any.
        let by_others = choices.len() < own.len() && releases::bundled(candidate.module).is_none();
        let own_name = name.filter(|name| releases::bundled(candidate.module) == Some(name));
        let mut decision = among(candidate, choices, own_name.as_deref(), &known, evidence)?;
        if by_others && !differing(candidate.module, &own).is_empty() {
            unless_newer(candidate, &own, &decision)?;
            decision.certain = false;
        }
        decision
    } else {
        let known = Generation::ALL.into_iter().find(|g| g.api().contains(&api));
        match (known, api) {
            (Some(generation), _) => simply(generation, true, evidence),
            (None, 107..) => {
                evidence.push("newer than known, taken as the newest".to_owned());
                simply(Generation::NATIVE, false, evidence)
            }
            _ => return Err(Undecided::UnknownApi(api)),
        }
    };
    decision.exceptions = exceptions(candidate, &left);
    let told = decision.exceptions.iter().any(|exception| exception.0 == VP8_DESCRIPTOR);
    if changed && !told {
        let generation = decision.generation;
        let from = if api < 100 { "0.13.2" } else { "1.1.2" };
        return Err(Undecided::OneArgumentMore {
            api,
            generation,
            symbol: VP8_DESCRIPTOR,
            from,
            say: candidate.override_with(from),
        });
    }
    Ok(decision)
}

/// The other files of the folder may be of another release than a stranger's plugin: it is served as theirs only where
/// what it imports is as in the oldest generation that it can be of, whose structs are the smallest.
fn unless_newer(
    candidate: Candidate<'_>,
    possible: &BTreeSet<Generation>,
    decision: &Decision,
) -> Result<(), Undecided> {
    let (Some(oldest), Some(newest)) = (possible.first(), possible.last()) else { return Ok(()) };
    let mut newer = differing(candidate.module, possible);
    newer.retain(|symbol| form(symbol, decision.form(symbol)) != form(symbol, *oldest));
    if newer.is_empty() {
        return Ok(());
    }
    Err(Undecided::OthersTell {
        api: candidate.api,
        between: format!("{oldest} … {newest}"),
        newer: newer.join(", "),
        say: candidate.override_line(decision.generation),
    })
}

/// Nothing is special about it.
fn simply(generation: Generation, certain: bool, evidence: Vec<String>) -> Decision {
    Decision { generation, receives: generation, exceptions: Vec::new(), certain, evidence }
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

/// Could a call of the wrong form of this function read or write what is not there?
pub fn is_about_memory(symbol: &str) -> bool {
    !SAME_LAYOUT.contains(&symbol)
}

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
    exceptions: &[(&'static str, Generation)],
    mut evidence: Vec<String>,
) -> Result<Decision, Undecided> {
    use Generation::{A6, A7, A8, A9, B5, B6};
    let (Some(oldest), Some(newest)) = (choices.first().copied(), choices.last().copied()) else {
        return Err(Undecided::UnknownApi(candidate.api));
    };
    let only = |pair: [Generation; 2]| choices.iter().all(|c| pair.contains(c));
    let mut decision = |generation, receives, certain, why: Option<String>| {
        evidence.extend(why);
        Ok(Decision { receives, ..simply(generation, certain, std::mem::take(&mut evidence)) })
    };
    if choices.len() == 1 {
        return decision(oldest, oldest, true, None);
    }
    let between = format!("{oldest} … {newest}");
    let mut differing = differing(candidate.module, &choices);
    differing.retain(|symbol| exceptions.iter().all(|exception| exception.0 != *symbol));
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
    Err(Undecided::Between {
        api: candidate.api,
        between: between.to_string(),
        differing: differing.join(", "),
        say: candidate.override_line(newest),
    })
}

/// Which form of a function the generation has.
fn form(symbol: &str, generation: Generation) -> Option<usize> {
    VARIANTS.iter().position(|v| v.symbol == symbol && v.first <= generation && generation <= v.last)
}

/// What the module imports that is not the same for all of these generations.
fn differing<'a>(module: &'a Module, choices: &BTreeSet<Generation>) -> Vec<&'a str> {
    let differs = |symbol: &&str| {
        let forms: BTreeSet<_> = choices.iter().map(|g| form(symbol, *g)).collect();
        forms.len() > 1 && !SAME_LAYOUT.contains(symbol)
    };
    module.imports.iter().map(|i| &*i.name).filter(differs).collect()
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
mod tests;
