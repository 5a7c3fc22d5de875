//! `janus-rs check` over all compiled modules of the distribution.

mod common;

use std::path::Path;
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

/// Nothing but the file says what it is: alone in a folder, under another name.
#[test]
fn a_lone_plugin_is_told_by_its_own_file() {
    for file in common::modules("plugins") {
        let folder = common::Folder::new("check-lone");
        let lone = folder.0.join("lone.so");
        std::fs::copy(&file, &lone).unwrap();
        let (good, report) = check(&[&lone]);
        assert!(good && report.contains("generation: B3\n"), "{report}");
    }
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
