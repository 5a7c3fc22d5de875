//! Compiles the C shims, names the shared object, and writes `include/janus_rs.h`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src/abi/shims");
    let mut shims = cc::Build::new();
    for entry in std::fs::read_dir("src/abi/shims").expect("src/abi/shims") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|e| e == "c") {
            shims.file(path);
        }
    }
    shims.warnings(true).extra_warnings(true).flag_if_supported("-Wpedantic").compile("janus_rs_shims");
    println!("cargo:rustc-link-lib=glib-2.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libjanus_rs.so.0");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,start-stop-visibility=hidden");
    origin();
    pages();
    header();
}

/// Commit and time, for `info`. Packagers set JANUS_RS_COMMIT and SOURCE_DATE_EPOCH. Otherwise a release says the commit of
/// the working tree; other builds do not, so that a commit does not compile everything anew.
fn origin() {
    println!("cargo:rerun-if-env-changed=JANUS_RS_COMMIT");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let output = |program: &str, arguments: &[&str]| {
        let run = Command::new(program).args(arguments).env("TZ", "UTC").env("LC_ALL", "C").output().ok()?;
        let text = String::from_utf8(run.stdout).ok()?.trim().to_owned();
        (run.status.success() && !text.is_empty()).then_some(text)
    };
    let of_the_tree = || {
        if std::env::var("PROFILE").as_deref() != Ok("release") {
            return None;
        }
        let log = output("git", &["rev-parse", "--git-path", "logs/HEAD"])?;
        println!("cargo:rerun-if-changed={log}");
        output("git", &["rev-parse", "HEAD"])
    };
    let commit = std::env::var("JANUS_RS_COMMIT").ok().or_else(of_the_tree);
    println!("cargo:rustc-env=JANUS_RS_COMMIT={}", commit.as_deref().unwrap_or("not-a-git-repo"));
    let date = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => output("date", &["-d", &format!("@{seconds}"), "+%a %b %e %H:%M:%S UTC %Y"]),
        Err(_) => output("date", &["+%a %b %e %H:%M:%S UTC %Y"]),
    };
    println!("cargo:rustc-env=JANUS_RS_COMPILE_TIME={}", date.as_deref().unwrap_or("unknown"));
}

/// The files of demos/pages as the list that `transports/pages.rs` includes: name and content.
fn pages() {
    const ROOT: &str = "demos/pages";
    println!("cargo:rerun-if-changed={ROOT}");
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(ROOT)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect(ROOT) {
            let path = entry.expect("entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(ROOT).expect("below it").to_str().expect("UTF-8");
        writeln!(
            list,
            "    ({name:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{ROOT}/{name}\"))),"
        )
        .expect("a string takes everything");
    }
    list.push_str("]\n");
    let into = PathBuf::from(std::env::var("OUT_DIR").expect("OUT_DIR")).join("pages.rs");
    std::fs::write(&into, list).expect("OUT_DIR is writable");
}

/// cbindgen does not look into `export! { … }`, so it is shown the same functions without the macro, behind the types.
fn header() {
    const TYPES: &str = "src/embed/types.rs";
    // In the header's order.
    const FUNCTIONS: [&str; 7] = [
        "src/embed/api.rs",
        "src/embed/api_client.rs",
        "src/embed/api_module.rs",
        "src/embed/api_peer.rs",
        "src/embed/api_channel.rs",
        "src/embed/api_figures.rs",
        "src/embed/api_media.rs",
    ];
    const PREAMBLE: &str = "src/embed/preamble.h";
    for file in FUNCTIONS.into_iter().chain([TYPES, PREAMBLE, "include/janus_rs.h"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    let read = |file: &str| std::fs::read_to_string(file).expect(file);
    let types = read(TYPES);
    let mut plain = types.clone();
    FUNCTIONS.iter().for_each(|file| functions(&read(file), &mut plain));
    let copy = PathBuf::from(std::env::var("OUT_DIR").expect("OUT_DIR")).join("janus_rs.rs");
    std::fs::write(&copy, plain).expect("OUT_DIR is writable");
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        include_guard: Some("JANUS_RS_H".to_owned()),
        documentation_style: cbindgen::DocumentationStyle::C99,
        header: Some(read(PREAMBLE).trim_end().to_owned()),
        after_includes: Some(initialisers(&types)),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        usize_is_size_t: true,
        style: cbindgen::Style::Both,
        defines: [("feature = jansson".to_owned(), "JANSSON_H".to_owned())].into(),
        export: cbindgen::ExportConfig { include: names(&types, "pub enum "), ..Default::default() },
        ..cbindgen::Config::default()
    };
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(copy)
        .generate()
        .expect("janus_rs.h")
        .write(&mut text);
    let target = Path::new("include/janus_rs.h");
    // Only when it changes: sources may be read-only.
    if std::fs::read(target).ok().as_deref() != Some(&text) {
        std::fs::create_dir_all("include").expect("include");
        std::fs::write(target, text).expect("include/janus_rs.h");
    }
}

/// The functions of `export!`, as cbindgen reads them.
fn functions(source: &str, plain: &mut String) {
    let mut docs = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.starts_with("///") {
            docs.push_str(line);
            docs.push('\n');
        } else if let Some(function) = line.strip_prefix("\"janus_rs.h\" ") {
            let mut function = function.to_owned();
            while !function.contains(" as nonnull") {
                function.push(' ');
                function.push_str(lines.next().expect("the end of a signature").trim());
            }
            let signature = function.split(" as nonnull").next().expect("a signature");
            // Programs without jansson do not see what takes its values.
            let guard = if signature.contains("json_t") { "#[cfg(feature = \"jansson\")]\n" } else { "" };
            writeln!(
                plain,
                "{docs}{guard}#[unsafe(no_mangle)] pub unsafe extern \"C\" {signature} {{ loop {{}} }}"
            )
            .expect("text");
            docs.clear();
        } else {
            docs.clear();
        }
    }
}

fn names(source: &str, what: &str) -> Vec<String> {
    let after = source.lines().filter_map(|line| line.strip_prefix(what));
    after.map(|rest| rest.split([' ', '{']).next().expect("a name").to_owned()).collect()
}

/// One macro for each struct that begins with its size and is made by the program: `size`, then a zero per member.
fn initialisers(types: &str) -> String {
    let mut text = String::from("\n");
    for name in names(types, "pub struct ") {
        let body = types.split(&format!("pub struct {name} {{")).nth(1).expect("a body");
        let body = body.split("\n}").next().expect("an end");
        let members = body.lines().filter(|line| line.trim().starts_with("pub ")).skip(1);
        if body.contains("pub size: usize") {
            let zeroes: String = members.map(|m| if m.contains('[') { ", { 0 }" } else { ", 0" }).collect();
            writeln!(text, "#define {}_INIT {{ sizeof({name}){zeroes} }}", name.to_uppercase())
                .expect("text");
        }
    }
    text
}
