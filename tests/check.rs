//! `janus-rs check` over all compiled modules of the distribution.

mod common;

use std::path::Path;
use std::process::Command;

fn check(files: &[&Path]) -> (bool, String) {
    let output = Command::new(common::DAEMON).arg("check").args(files).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

// CP-334
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
    assert!(!all_good && report.matches("it ended the process").count() == 2, "{report}");
    assert!(report.contains("SIGABRT") && report.ends_with("  loads\n"), "{report}");
}

#[test]
fn options_and_what_is_no_file_are_refused() {
    assert!(!check(&[Path::new("--help")]).0);
    let (good, report) = check(&[Path::new("/dev/zero"), Path::new("/tmp")]);
    assert!(!good && report.matches("it is not a file").count() == 2, "{report}");
}
