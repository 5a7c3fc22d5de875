//! The SDK headers and the C plugins built with them.

mod common;

use std::process::Command;

/// Every header, in one file, strictly; layouts and constants of 1.4.1.
#[test]
fn headers_compile_and_have_the_layouts() {
    let output = common::cc(&["-fsyntax-only", "tests/sdk/layouts.c"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Each header alone, included as C and as C++.
#[test]
fn each_header_stands_alone() {
    let folder = common::Folder::new("sdk");
    let listed = std::fs::read_to_string("tests/sdk/layouts.c").unwrap();
    let headers: Vec<&str> =
        listed.lines().filter_map(|l| l.strip_prefix("#include <")?.strip_suffix('>')).collect();
    assert!(headers.len() > 18, "{headers:?}");
    for header in headers {
        let source = folder.write("one.c", &format!("#include <{header}>\nint main(void) {{ return 0; }}\n"));
        let output = common::cc(&["-fsyntax-only", source.to_str().unwrap()]);
        assert!(output.status.success(), "{header}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Every function that the headers declare is exported.
#[test]
fn headers_declare_only_what_is_exported() {
    let exported: Vec<&str> = janus_rs::abi::entry::symbols().iter().map(|s| s.name).collect();
    let output = Command::new("cc")
        .args(["-E", "-P", "-x", "c", "-I", "include/janus", "tests/sdk/layouts.c"])
        .args(
            String::from_utf8(
                Command::new("pkg-config").args(["--cflags", "glib-2.0", "jansson"]).output().unwrap().stdout,
            )
            .unwrap()
            .split_whitespace(),
        )
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let declared: Vec<String> = text
        .split([';', '}'])
        .filter(|d| !d.contains('{') && !d.contains("typedef") && !d.contains("static"))
        .filter_map(|d| {
            let before = d.split_once('(')?.0;
            let name = before.rsplit([' ', '*', '\n']).next()?.trim();
            name.starts_with("janus_").then(|| name.to_owned())
        })
        .collect();
    assert!(declared.len() > 200, "{}", declared.len());
    // To come: RTP forwarders, packet dumps, the events that the core itself sends.
    let missing: Vec<&String> = declared.iter().filter(|d| !exported.contains(&d.as_str())).collect();
    let known = ["janus_rtp_forwarder", "janus_events_", "janus_text2pcap"];
    let unknown: Vec<&&String> = missing.iter().filter(|m| !known.iter().any(|k| m.starts_with(k))).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
