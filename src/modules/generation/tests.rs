//! Decisions from made-up evidence.

use super::super::calls;
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
        .map_err(|why| why.to_string())
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
    assert!(why.contains("0.13.2") && why.contains("abi_generations = \"ours.so=0.13.2\""), "{why}");
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
    assert_eq!((known.generation, known.certain), (Generation::B3, false), "a stranger may be of another");
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
    assert_eq!(
        decide_for(102, &["janus_vprintf"], std::slice::from_ref(&unread)).unwrap().generation,
        Generation::B4
    );
    let module = Module { soname: Some("libjanus_lua.so.2".to_owned()), ..module(&[PROCESS]) };
    let path = Path::new("/plugins/l.so");
    let own = Candidate { api: 102, package: "janus.plugin.lua", path, module: &module };
    assert_eq!(decide(own, &[unread], None).unwrap().generation, Generation::B4);
}

/// Built for 1.0.4, beside the plugins of 1.2.0: their contexts have 152 bytes, its own has 56.
#[test]
fn a_strangers_plugin_is_not_served_as_something_larger() {
    let newer = beside("n.so", "libjanus_echotest.so.2", "libjanus_echotest.so.2.0.0", Some(102));
    for symbol in ["janus_rtp_simulcasting_context_reset", PROCESS] {
        let why = decide_for(102, &[symbol], std::slice::from_ref(&newer)).unwrap_err();
        assert!(why.contains(symbol) && why.contains("abi_generations = \"ours.so=B4\""), "{why}");
    }
    // Where nothing differs, nothing is assumed.
    assert!(decide_for(102, &["janus_vprintf"], &[newer]).unwrap().certain);
}

/// A fork has the package's name, and none of its texts and imports.
#[test]
fn what_is_missing_tells_nothing_of_a_fork() {
    let path = Path::new("/plugins/fork.so");
    for package in ["janus.plugin.videocall", "janus.plugin.duktape", "janus.plugin.echotest"] {
        for api in [15, 102] {
            let module = module(&["janus_rtp_simulcasting_context_reset"]);
            let fork = decide(Candidate { api, package, path, module: &module }, &[], None);
            assert!(fork.is_err(), "{package} {api}: {fork:?}");
        }
        let module = module(&["janus_rtp_switching_context_reset"]);
        let fork = decide(Candidate { api: 15, package, path, module: &module }, &[], None);
        assert!(fork.is_err(), "{package}: {fork:?}");
    }
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
        decide(Candidate { api: 102, package: "janus.plugin.recordplay", path, module: &module }, &[], None)
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
    let decision =
        decide(Candidate { api: 102, package: "janus.plugin.recordplay", path, module: &module }, &[], None);
    assert_eq!(decision.unwrap().generation, Generation::B4);
}

#[test]
fn imports_narrow_it_down() {
    let layers = decide_for(106, &["janus_rtp_header_extension_parse_video_layers_allocation"], &[]).unwrap();
    assert_eq!((layers.generation, layers.certain), (Generation::B6, true));
}

#[test]
fn the_configured_generation_wins() {
    let module = Module::default();
    let candidate = Candidate { api: 102, package: "x", path: Path::new("x.so"), module: &module };
    let configured = |candidate, name| {
        let configured = Configured::from_name(name).expect(name);
        decide(candidate, &[], Some(configured)).map(|d| d.generation).map_err(|why| why.to_string())
    };
    for (name, generation) in
        [("B2", Generation::B2), ("b3", Generation::B3), ("1.1.4", Generation::B3), ("1.2.0", Generation::B4)]
    {
        assert_eq!(configured(candidate, name), Ok(generation));
    }
    assert!(["1.1", "1.1.2.3", "2.0.0", "B7", ""].iter().all(|name| Configured::from_name(name).is_none()));
    // Its table, its callbacks and its contexts would be others'.
    for (api, name) in
        [(102, "A1"), (102, "B5"), (102, "1.4.1"), (20, "A4"), (20, "A9"), (14, "A4"), (101, "B2")]
    {
        let why = configured(Candidate { api, ..candidate }, name).unwrap_err();
        assert!(why.contains(&format!("API {api} cannot be that of")), "{why}");
    }
    assert_eq!(configured(Candidate { api: 14, ..candidate }, "A2"), Ok(Generation::A2));
    assert_eq!(configured(Candidate { api: 120, ..candidate }, "B6"), Ok(Generation::B6), "newer than known");
}

#[test]
fn the_configuration_does_not_outweigh_code() {
    let mut module = module(&[PROCESS]);
    module.calls.said = vec![Said::CodecIsSixth];
    let candidate = Candidate { api: 102, package: "x", path: Path::new("x.so"), module: &module };
    let with = |generation| decide(candidate, &[], Some(Configured::Generation(generation)));
    let why = with(Generation::B4).unwrap_err().to_string();
    assert!(why.contains("its code passes a codec") && why.contains("B4"), "{why}");
    assert!(with(Generation::B3).is_ok());
}

/// Inside B3 and A10 a release tells what the generation does not.
#[test]
fn a_configured_release_settles_the_descriptor_of_vp8() {
    let module = module(&[VP8_DESCRIPTOR]);
    let with = |api, name| {
        let candidate = Candidate { api, package: "x", path: Path::new("x.so"), module: &module };
        decide(candidate, &[], Configured::from_name(name)).map(|d| d.form(VP8_DESCRIPTOR))
    };
    assert_eq!((with(102, "1.1.1"), with(17, "0.13.1")), (Ok(Generation::A1), Ok(Generation::A1)));
    assert_eq!((with(102, "1.1.2"), with(17, "0.13.2")), (Ok(Generation::NATIVE), Ok(Generation::NATIVE)));
    for (api, name) in [(102, "B3"), (17, "A10")] {
        let why = with(api, name).unwrap_err().to_string();
        assert!(why.contains("one argument more") && why.contains("abi_generations = \"x.so="), "{why}");
    }
}

/// Whatever a plugin imports: what it gets writes no further than the smallest struct that it can have, and takes the
/// arguments that it passes. If that is not known, it is refused.
#[test]
fn a_wrong_name_never_costs_memory() {
    let others = [
        Vec::new(),
        vec![beside("o.so", "libjanus_echotest.so.0", "libjanus_echotest.so.0.0.0", Some(102))],
        vec![beside("m.so", "libjanus_echotest.so.1", "libjanus_echotest.so.1.1.2", Some(102))],
        vec![beside("n.so", "libjanus_echotest.so.2", "libjanus_echotest.so.2.0.0", Some(102))],
    ];
    others.iter().for_each(|siblings| never_costs_memory(siblings));
}

fn never_costs_memory(siblings: &[Sibling]) {
    use crate::abi::written::{OTHERS, WRITERS, form};
    let (mut served, mut refused) = (0, 0);
    for api in [14, 15, 16, 17, 18, 19, 20, 101, 102, 103, 104, 105, 106] {
        let possible: Vec<Generation> =
            Generation::ALL.into_iter().filter(|g| g.api().contains(&api)).collect();
        let same_for_all =
            |symbol: &str| possible.iter().all(|g| form(symbol, *g) == form(symbol, possible[0]));
        for writer in &WRITERS {
            let Ok(decision) = decide_for(api, &[writer.symbol], siblings) else {
                assert!(!same_for_all(writer.symbol), "{} of API {api} need not be refused", writer.symbol);
                refused += 1;
                continue;
            };
            let Some(written) = writer.size(decision.form(writer.symbol)) else { continue };
            let smallest = possible.iter().filter_map(|g| writer.size(*g)).min();
            assert!(
                Some(written) <= smallest,
                "{} of API {api}: {written} bytes, {smallest:?}",
                writer.symbol
            );
            served += 1;
        }
        for symbol in OTHERS.iter().filter(|symbol| !SAME_LAYOUT.contains(symbol) && **symbol != NACKS) {
            let decision = decide_for(api, &[symbol], siblings);
            let split = *symbol == VP8_DESCRIPTOR && VP8_DESCRIPTOR_CHANGED.contains(&api);
            // Some exist in the last releases of a number only.
            let late =
                decision.as_ref().is_ok_and(|d| d.evidence.iter().any(|why| why.starts_with("imports ")));
            let differs = split || !same_for_all(symbol) && !late;
            if api == 102 && !siblings.is_empty() {
                let oldest = |d: &Decision| form(symbol, d.form(symbol)) == form(symbol, possible[0]);
                assert!(
                    split || decision.as_ref().map_or(true, |d| late || oldest(d)),
                    "{symbol}: {decision:?}"
                );
                continue;
            }
            assert_eq!(decision.is_err(), differs, "{symbol} of API {api}: {decision:?}");
        }
    }
    assert!(served > 200 && refused > if siblings.is_empty() { 20 } else { 5 }, "{served} {refused}");
}

/// The numbers of these APIs say which form it is.
#[test]
fn nacks_come_as_the_api_number_says() {
    let form = |api| decide_for(api, &[NACKS], &[]).unwrap().form(NACKS);
    assert!([14, 15, 16, 17, 19, 101, 102, 103, 105].iter().all(|api| form(*api) < Generation::B6));
    assert!([20, 106, 107].iter().all(|api| form(*api) == Generation::B6));
}

/// It got an argument inside A10 and inside B3. Its calls say which form it is, and so does what tells the release.
#[test]
fn the_descriptor_of_vp8_has_the_form_that_the_file_tells() {
    let with = |api, said: &[Said], soname: Option<&str>| {
        let mut module = module(&[VP8_DESCRIPTOR]);
        module.calls.said = said.to_vec();
        module.soname = soname.map(str::to_owned);
        module.real_name = soname.map(|name| format!("{name}.1.1")).unwrap_or_default();
        let path = Path::new("/plugins/ours.so");
        let package = "org.example.plugin";
        decide(Candidate { api, package, path, module: &module }, &[], None).map(|d| d.form(VP8_DESCRIPTOR))
    };
    let older = |form: Result<Generation, Undecided>| form.unwrap() < Generation::B3;
    for api in [17, 102] {
        assert!(older(with(api, &[Said::DescriptorOfSeven], None)), "{api}");
        assert_eq!(with(api, &[Said::DescriptorOfEight], None), Ok(Generation::NATIVE), "{api}");
    }
    // Names may say a release with eight: seven never write beyond what is passed.
    assert!(older(with(102, &[Said::DescriptorOfSeven], Some("libjanus_videoroom.so.1"))));
    {}
    // 1.1.1 is libjanus_….so.0.1.1.
    assert!(older(with(102, &[], Some("libjanus_videoroom.so.0"))));
    let b3 = with(102, &[Said::Options11, Said::CodecIsSixth], None).unwrap_err().to_string();
    assert!(b3.contains("1.1.2") && b3.contains("abi_generations = \"ours.so=1.1.2\""), "{b3}");
    assert!(older(with(16, &[], None)) && older(with(101, &[], None)));
    assert_eq!(with(18, &[], None), Ok(Generation::A10));
}
