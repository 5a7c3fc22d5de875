//! `janus-rs check` over all compiled modules of the distribution.

mod common;

use janus_rs::abi::entry::VARIANTS;
use janus_rs::abi::generation::Generation;
use janus_rs::modules::elf;
use janus_rs::modules::generation::{Candidate, Decision, Sibling, decide};
use std::path::{Path, PathBuf};
use std::process::Command;

fn check(files: &[&Path]) -> (bool, String) {
    let output = Command::new(common::DAEMON).arg("check").args(files).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

// CP-334, HL-072, HL-243
#[test]
fn every_module_of_the_distribution_loads() {
    let mut count = 0;
    for kind in ["plugins", "transports", "events", "loggers"] {
        for file in common::modules(kind) {
            let (good, report) = check(&[&file]);
            assert!(good && report.ends_with("  loads\n"), "{report}");
            count += 1;
        }
    }
    assert!(count >= 25, "{count}");
}

/// API 102 stands for three generations; the folder tells which.
#[test]
fn the_generation_of_the_distribution_is_found_with_evidence() {
    for file in common::modules("plugins") {
        let (_, report) = check(&[&file]);
        let api = report.lines().find_map(|l| l.trim().strip_prefix("API:")).unwrap().trim().to_owned();
        if api == "102" {
            assert!(report.contains("generation: B3\n"), "{report}");
        }
    }
    let room = common::debian().join("plugins/libjanus_videoroom.so");
    let (_, report) = check(&[&room]);
    assert!(
        report.contains("known texts: 1.1.") && report.contains("janus_rtp_simulcasting_context_process_rtp"),
        "{report}"
    );
}

/// All four kinds only export `create`, and their tables begin alike: a plugin among the transports would be called by
/// functions that it does not have.
#[test]
fn a_module_of_another_kind_is_refused() {
    let folder = common::Folder::new("check-kinds");
    for (from, to, file) in [
        ("plugins", "transports", "libjanus_echotest.so"),
        ("events", "loggers", "libjanus_sampleevh.so"),
        ("loggers", "events", "libjanus_jsonlog.so"),
    ] {
        std::fs::create_dir_all(folder.0.join(to)).unwrap();
        let module = folder.0.join(to).join(file);
        std::fs::copy(common::debian().join(from).join(file), &module).unwrap();
        let (good, report) = check(&[&module]);
        assert!(!good && report.contains("refused: it is janus."), "{report}");
    }
}

#[test]
fn what_would_not_load_is_refused_with_all_that_is_missing() {
    let folder = common::Folder::new("check");
    let source = folder.write(
        "needy.c",
        "extern void zz_nobody(void); extern int aa_nobody;\n\
         void *create(void); void *create(void) { zz_nobody(); return &aa_nobody; }\n",
    );
    let needy = common::plugin(source.to_str().unwrap(), &folder.0);
    let (good, report) = check(&[&needy]);
    assert!(!good && report.contains("missing:    symbols aa_nobody, zz_nobody\n"), "{report}");

    let source = folder.write("null.c", "void *create(void); void *create(void) { return 0; }\n");
    let null = common::plugin(source.to_str().unwrap(), &folder.0);
    let (good, report) = check(&[&null]);
    assert!(!good && report.contains("`create` returned NULL"), "{report}");

    let source = folder.write("plain.c", "int other(void); int other(void) { return 0; }\n");
    let plain = common::plugin(source.to_str().unwrap(), &folder.0);
    assert!(!check(&[&plain]).0);
    let text = folder.write("text.so", "no library");
    assert!(!check(&[&text]).0);
}

/// What a module does to the process that looks at it is part of the report, and the next one is still looked at.
#[test]
fn a_module_that_ends_the_process_is_refused() {
    let folder = common::Folder::new("check-ends");
    let crash = "#include <stdlib.h>\nvoid *create(void); void *create(void) { abort(); }\n";
    let exit = "#include <stdlib.h>\nvoid *create(void); void *create(void) { exit(0); }\n";
    let module =
        |name: &str, text: &str| common::plugin(folder.write(name, text).to_str().unwrap(), &folder.0);
    let (crash, exit) = (module("crash.c", crash), module("exit.c", exit));
    let good = common::debian().join("plugins/libjanus_echotest.so");
    let (all_good, report) = check(&[&crash, &exit, &good]);
    assert!(!all_good && report.matches("it crashed or ended the process").count() == 2, "{report}");
    assert!(report.contains("SIGABRT") && report.ends_with("  loads\n"), "{report}");
}

#[test]
fn a_module_that_hangs_is_a_finding() {
    let folder = common::Folder::new("check-hangs");
    let source = folder.write(
        "hang.c",
        "#include <unistd.h>\nvoid *create(void); void *create(void) { for (;;) pause(); return 0; }\n",
    );
    let hang = common::plugin(source.to_str().unwrap(), &folder.0);
    let good = common::debian().join("plugins/libjanus_echotest.so");
    let output = Command::new(common::DAEMON)
        .arg("check")
        .args([&hang, &good])
        .env("JANUS_RS_CHECK_SECONDS", "1")
        .output();
    let report = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(report.contains("refused: it hung") && report.ends_with("  loads\n"), "{report}");
}

/// A copy whose build-id nobody knows: somebody's own build.
fn of_another_build(file: &Path, copy: &Path) {
    let mut data = std::fs::read(file).unwrap();
    let id = elf::read(file).unwrap().build_id.expect("Debian's have one");
    let id: Vec<u8> =
        (0..id.len() / 2).map(|i| u8::from_str_radix(&id[2 * i..2 * i + 2], 16).unwrap()).collect();
    let place = data.windows(id.len()).position(|bytes| bytes == id).unwrap();
    data[place..place + id.len()].fill(0xee);
    std::fs::write(copy, data).unwrap();
}

/// Nothing but the file says what it is: alone in a folder, under another name, and nobody's known build.
#[test]
fn a_lone_plugin_is_told_by_its_own_file() {
    for file in common::modules("plugins") {
        let folder = common::Folder::new("check-lone");
        let lone = folder.0.join("lone.so");
        of_another_build(&file, &lone);
        let (good, report) = check(&[&lone]);
        assert!(good && report.contains("generation: B3\n"), "{report}");
        assert!(report.contains("shared object name") && !report.contains("build-id"), "{report}");
    }
}

/// Has everything that the plugin imports the form that it was compiled for?
fn is_right(module: &elf::Module, decision: &Decision) -> bool {
    let form = |symbol: &str, of: Generation| {
        VARIANTS.iter().position(|v| v.symbol == symbol && v.first <= of && of <= v.last)
    };
    module.imports.iter().all(|import| {
        // Got an argument in 1.1.2, inside B3.
        let right = match &*import.name {
            "janus_vp8_parse_descriptor" => Generation::NATIVE,
            _ => Generation::B3,
        };
        form(&import.name, decision.form(&import.name)) == form(&import.name, right)
    })
}

/// Each kind of evidence alone, without what Debian's build-ids say: it tells the right thing or nothing. Of Debian
/// bookworm's 12 the name tells all, texts 6, code 10, siblings 5; a rebuilt package may lose some.
#[test]
fn every_kind_of_evidence_tells_by_itself() {
    let read = |file: &PathBuf| {
        let mut module = elf::read(file).unwrap();
        assert!(module.build_id.take().is_some());
        module.real_name = "lone.so".to_owned();
        module
    };
    let files = common::modules("plugins");
    let all: Vec<elf::Module> = files.iter().map(read).collect();
    let unversioned = |name: &str| name.split(".so").next().unwrap_or_default().to_owned() + ".so";
    // What a file says when only this is left of it.
    let silent = |module: &elf::Module| {
        let mut module = elf::Module { constants: Vec::new(), ..module.clone() };
        module.calls.said.clear();
        module.soname = module.soname.as_deref().map(unversioned);
        module
    };
    type Left<'a> = &'a dyn Fn(&elf::Module) -> elf::Module;
    let soname = |module: &elf::Module| elf::Module { soname: module.soname.clone(), ..silent(module) };
    let texts = |module: &elf::Module| elf::Module { constants: module.constants.clone(), ..silent(module) };
    let code = |module: &elf::Module| elf::Module { calls: module.calls.clone(), ..silent(module) };
    let kinds: [(&str, Left<'_>, bool, usize); 4] = [
        ("soname", &soname, false, 10),
        ("texts", &texts, false, 5),
        ("code", &code, false, 8),
        ("siblings", &silent, true, 4),
    ];
    let (mut wrong, mut told_by) = (String::new(), String::new());
    for (kind, left, beside, least) in kinds {
        let siblings: Vec<Sibling> = files
            .iter()
            .zip(&all)
            .filter(|_| beside)
            .map(|(path, module)| Sibling { path: path.clone(), api: Some(102), module: soname(module) })
            .collect();
        let mut told = 0;
        for (file, module) in files.iter().zip(&all) {
            let module = left(module);
            let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
            let package = format!("janus.plugin.{}", stem.trim_start_matches("libjanus_"));
            let candidate = Candidate { api: 102, package: &package, path: file, module: &module };
            match decide(candidate, &siblings, None) {
                Ok(decision) if !is_right(&module, &decision) => {
                    wrong += &format!("{kind}: {stem}: {decision:?}\n")
                }
                Ok(decision) => told += usize::from(decision.generation == Generation::B3),
                Err(_) => {}
            }
        }
        told_by += &format!("{kind} {told}; ");
        if told < least {
            wrong += &format!("{kind} told {told} of {}\n", files.len());
        }
    }
    println!("told by {told_by}of {}", files.len());
    assert!(wrong.is_empty(), "{wrong}");
}

/// A plugin of API 102 whose code says B3.
const B3: [&str; 2] = ["-DSIMULCAST=3", "-DMLINE=11"];

/// `create` runs with the functions of the plugin's own generation; what constructors call cannot be bound.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_runs_before_the_table_is_known_has_the_right_form_or_does_not_run() {
    let folder = common::Folder::new("check-early");
    let module = |early: &str| common::plugin_with("c-plugins/telling.c", &folder.0, &[B3[0], B3[1], early]);
    let (good, report) = check(&[&module("-DEARLY=1")]);
    assert!(good && report.contains("janus_rtp_simulcasting_context_reset"), "{report}");
    let (good, report) = check(&[&module("-DEARLY=2")]);
    let why = "its constructors call janus_rtp_simulcasting_context_reset before it can be given the form";
    assert!(!good && report.contains(why), "{report}");
    // What follows a call that does not return is not the constructor's.
    let (good, report) = check(&[&module("-DEARLY=4")]);
    assert!(good && report.contains("janus_rtp_simulcasting_context_reset"), "{report}");
}

/// Where the file does not tell what the plugin is, nothing that could be the wrong form of a function runs in its `create`: the
/// one here resets a context of 56 bytes, where the newest form would write 152.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_create_that_cannot_be_told_gets_no_form_that_could_be_wrong() {
    let folder = common::Folder::new("check-untold");
    let module = |flags: &[&str]| {
        common::plugin_with("c-plugins/telling.c", &folder.0, &[&B3[..], &["-DMUTE=1"], flags].concat())
    };
    let with = |module: &Path, list: &str| {
        let arguments = ["check", "--abi-generations", list];
        let output = Command::new(common::DAEMON).args(arguments).arg(module).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let early = module(&["-DEARLY=1"]);
    let (good, report) = check(&[&early]);
    let why = "its `create` calls one of janus_rtp_simulcasting_context_process_rtp, janus_rtp_simulcasting_context_reset";
    assert!(!good && report.contains(why) && report.contains("abi_generations = \"telling.so="), "{report}");
    for built_for in ["B3", "1.1.2"] {
        let (good, report) = with(&early, &format!("telling.so={built_for}"));
        assert!(good && report.contains("generation: B3\n"), "{report}");
    }
    // Who calls nothing that differs is asked for its table; and where the code tells, the package need not.
    for flags in [&[][..], &["-DEARLY=3"], &["-UMUTE", "-DMUTE=2", "-DEARLY=1"]] {
        let (good, report) = check(&[&module(flags)]);
        let bound = "bound:      janus_rtp_simulcasting_context_process_rtp";
        assert!(good && report.contains("generation: B3\n") && report.contains(bound), "{flags:?} {report}");
    }
    // The name of a file that comes with the server, and what lies beside it.
    let named = module(&[
        "-UMUTE",
        "-DMUTE=2",
        "-DEARLY=1",
        "-USIMULCAST",
        "-UMLINE",
        "-Wl,-soname,libjanus_lua.so.1.1.2",
    ]);
    let (good, report) = check(&[&named]);
    assert!(good && report.contains("generation: B3\n"), "{report}");
    // What it brings along is not held back.
    let text = "void janus_rtp_simulcasting_context_reset(void *);\n\
                void helper(void); void helper(void) { static char c[152]; janus_rtp_simulcasting_context_reset(c); }\n";
    let source = folder.write("libhelper.c", text);
    common::plugin_with(source.to_str().unwrap(), &folder.0, &[]);
    let at = folder.0.to_str().unwrap();
    let (good, report) = check(&[&module(&["-DHELPER", "-lhelper", "-L", at, "-Wl,-rpath,$ORIGIN"])]);
    let why = "libhelper.so, which it brings along, calls one of janus_rtp_simulcasting_context_reset, which differ";
    assert!(!good && report.contains(why), "{report}");
}

/// Only a plugin's own file is bound. What it brings along, however it is found, may not call what differs.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_plugin_with_helpers_that_call_what_differs_is_refused() {
    let folder = common::Folder::new("check-helpers");
    let (at, helper) = (folder.0.to_str().unwrap(), folder.0.join("libhelper.so"));
    let resetting = "void janus_rtp_simulcasting_context_reset(void *);\n\
                     void FUNCTION(void); void FUNCTION(void) { static char c[152]; janus_rtp_simulcasting_context_reset(c); }\n";
    let library = |name: &str, text: &str, more: &[&str]| {
        let source = folder.write(&format!("{name}.c"), text);
        common::plugin_with(source.to_str().unwrap(), &folder.0, more)
    };
    library("libhelper", resetting, &["-DFUNCTION=helper"]);
    let linked = ["-DHELPER", "-lhelper", "-L", at, "-Wl,--no-as-needed", B3[0], B3[1]];
    let module =
        |more: &[&str]| common::plugin_with("c-plugins/telling.c", &folder.0, &[&linked, more].concat());
    let refused = |report: &str| {
        report.contains("libhelper.so, which it brings along, calls janus_rtp_simulcasting_context_reset")
            || report
                .contains("libfurther.so, which it brings along, calls janus_rtp_simulcasting_context_reset")
    };
    let by_path = module(&["-Wl,-rpath,$ORIGIN"]);
    let (good, report) = check(&[&by_path]);
    assert!(!good && refused(&report), "{report}");
    // By the system's way to libraries.
    let by_name = module(&[]);
    let output = Command::new(common::DAEMON).arg("check").arg(&by_name).env("LD_LIBRARY_PATH", at).output();
    let report = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(refused(&report), "{report}");
    // Another file of the folder that has what it imports.
    let borrower = common::plugin_with("c-plugins/telling.c", &folder.0, &["-DHELPER", B3[0], B3[1]]);
    let (good, report) = check(&[&borrower]);
    assert!(!good && refused(&report), "{report}");
    // What the helper brings along itself.
    library("libfurther", resetting, &["-DFUNCTION=further"]);
    let text = "void further(void); void helper(void); void helper(void) { further(); }\n";
    library("libhelper", text, &["-lfurther", "-L", at, "-Wl,-rpath,$ORIGIN"]);
    let by_path = module(&["-Wl,-rpath,$ORIGIN"]);
    let (good, report) = check(&[&by_path]);
    assert!(!good && refused(&report), "{report}");
    // One that calls nothing that differs is no obstacle.
    std::fs::remove_file(&helper).unwrap();
    library("libhelper", "void helper(void); void helper(void) {}\n", &[]);
    let (good, report) = check(&[&by_path]);
    assert!(good, "{report}");
}

/// `check` takes what the configuration would say.
#[cfg(target_arch = "x86_64")]
#[test]
fn check_takes_the_override() {
    let folder = common::Folder::new("check-override");
    let module = common::plugin_with(
        "c-plugins/telling.c",
        &folder.0,
        &["-DMLINE=11", "-DSIMULCAST=3", "-DDESCRIPTOR=7", "-DBESIDE"],
    );
    let with = |list: &str| {
        let output = Command::new(common::DAEMON)
            .args(["check", "--abi-generations", list])
            .arg(&module)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (good, report) = with("other.so=B4,telling.so=1.1.1");
    assert!(
        good && report.contains("configured\n")
            && report.contains("janus_vp8_parse_descriptor in the form of A1"),
        "{report}"
    );
    let (good, report) = with("telling.so=B4");
    assert!(!good && report.contains("its code passes a codec"), "{report}");
    assert!(!with("other.so=1.1.1").0);
}

/// Nothing but its code tells what a plugin of somebody else's is, and compilers do many things with calls.
#[cfg(target_arch = "x86_64")]
#[test]
fn code_tells_whatever_the_compiler_did_with_it() {
    let folder = common::Folder::new("check-telling");
    let ways = [
        "-O0",
        "-O2",
        "-O3",
        "-Os",
        "-fno-plt",
        "-fcf-protection",
        "-flto",
        "-maccumulate-outgoing-args",
        "-mindirect-branch=thunk",
        "-fno-omit-frame-pointer",
        "-DIN_REGISTER",
    ];
    let kinds = [
        ("-DSIMULCAST=3 -DMLINE=10", "generation: B2\n"),
        ("-DSIMULCAST=3 -DMLINE=11 -DDESCRIPTOR=8", "generation: B3\n"),
        ("-DMLINE=11 -DSIMULCAST=3 -DDESCRIPTOR=7", "janus_vp8_parse_descriptor in the form of A1"),
        ("-DSIMULCAST=4", "generation: B4\n"),
    ];
    // An eighth argument that is stored, not pushed, may be a local variable beside the seventh. It would be written to.
    let unclear = "its file does not tell whether it was compiled for that";
    let refused = [
        ("-maccumulate-outgoing-args", kinds[1].0),
        ("-O2", "-DMLINE=11 -DSIMULCAST=3 -DDESCRIPTOR=7 -DBESIDE"),
    ];
    let mut wrong = String::new();
    for way in ways {
        for (kind, says) in kinds.iter().filter(|(kind, _)| !refused.contains(&(way, *kind))) {
            let flags: Vec<&str> = way.split(' ').chain(kind.split(' ')).collect();
            let module = common::plugin_with("c-plugins/telling.c", &folder.0, &flags);
            let (good, report) = check(&[&module]);
            if !(good && report.contains(says)) {
                wrong += &format!("{way} {kind}:\n{report}");
            }
        }
    }
    for (way, kind) in refused {
        let flags: Vec<&str> = [way].into_iter().chain(kind.split(' ')).collect();
        let module = common::plugin_with("c-plugins/telling.c", &folder.0, &flags);
        let (good, report) = check(&[&module]);
        if good || !report.contains(unclear) {
            wrong += &format!("{way} {kind}, which tells nothing:\n{report}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The dynamic linker never sees what is not sound, and what then runs may do as it likes: `check` reports it and goes on.
/// 50 damaged copies, or as many as CHECK_MUTATIONS says.
#[test]
fn damaged_plugins_are_findings() {
    let count: u64 = std::env::var("CHECK_MUTATIONS").map_or(50, |n| n.parse().unwrap());
    let folder = common::Folder::new("check-damaged");
    let files = common::modules("plugins");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut refused, mut ended) = (0, 0);
    for number in 0..count {
        let mut data = std::fs::read(&files[(number % files.len() as u64) as usize]).unwrap();
        let length = data.len() as u64;
        for _ in 0..=random() % 8 {
            // Half of them where the tables are.
            let place = if random() % 2 == 0 { random() % 0x4000 } else { random() % length };
            data[place as usize] = random() as u8;
        }
        if random() % 16 == 0 {
            data.truncate((random() % length) as usize);
        }
        let copy = folder.0.join("damaged.so");
        std::fs::write(&copy, data).unwrap();
        let output = Command::new(common::DAEMON)
            .arg("check")
            .arg(&copy)
            .env("JANUS_RS_CHECK_SECONDS", "5")
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        // Its own process ends by itself, with one of its two answers.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{number}: {}\n{report}", output.status);
        assert!(report.contains("  loads\n") || report.contains("  refused: "), "{number}: {report}");
        refused += u64::from(report.contains("not a sound shared object"));
        ended += u64::from(report.contains("it crashed") || report.contains("it hung"));
    }
    println!("{count} damaged copies: {refused} not sound, {ended} crashed or hung");
    assert!(refused > 0);
}

#[test]
fn options_and_what_is_no_file_are_refused() {
    assert!(!check(&[Path::new("--no-such-option")]).0);
    let (good, report) = check(&[Path::new("/dev/zero"), Path::new("/tmp")]);
    assert!(!good && report.matches("it is not a file").count() == 2, "{report}");
}
