//! C programs that have the core inside them: `janus_rs.h`, as its readers use it.

mod common;

use common::{DAEMON, Folder};
use janus_rs::json::Json;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Compiles a program that has the core inside, into `folder`.
fn program(source: &str, more: &[&str], folder: &Folder) -> Command {
    let program = folder.0.join("program");
    let library = Path::new(DAEMON).parent().unwrap().display();
    let link = ["-o", program.to_str().unwrap(), &format!("-L{library}"), "-ljanus_rs"];
    let output = common::cc(&[&[source], more, &link, &["-Wl,--allow-shlib-undefined"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The library is looked for by its soname.
    let soname = folder.0.join("libjanus_rs.so.0");
    std::os::unix::fs::symlink(Path::new(DAEMON).with_file_name("libjanus_rs.so"), &soname).unwrap();
    let mut command = Command::new(&program);
    command.env("LD_LIBRARY_PATH", &folder.0);
    command
}

/// Runs a program of tests/embedding, compiled with more sources; what it printed.
fn run(name: &str, more: &[&str], arguments: &[&str]) -> String {
    let folder = Folder::new(&format!("embedding-{name}"));
    let source = format!("tests/embedding/{name}.c");
    let output = program(&source, more, &folder).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{text}{errors}", output.status);
    text
}

/// C99 to C17 and C++17, as strict as users may be.
#[test]
fn the_header_compiles_everywhere() {
    let folder = Folder::new("embedding-header");
    let source = folder.write("header.c", "#include <janus_rs.h>\nint main(void) { return JANUS_RS_OK; }\n");
    let all = [("cc", "c", "c99"), ("cc", "c", "c11"), ("cc", "c", "c17"), ("c++", "c++", "c++17")];
    for (compiler, language, standard) in all {
        let output = Command::new(compiler)
            .args(["-x", language, &format!("-std={standard}"), "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .args(["-fsyntax-only", "-Iinclude", source.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{standard}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// `JANUS_RS_ROUNDS=1000` for the long form.
#[test]
fn instances_come_and_go() {
    let rounds = std::env::var("JANUS_RS_ROUNDS").unwrap_or_else(|_| "20".to_owned());
    print!("{}", run("lifecycle", &[], &[&rounds]));
}

#[test]
fn the_janus_api_without_a_transport() {
    run("clients", &["c-plugins/echo_sample.c", "-ljansson", "-lglib-2.0"], &[]);
}

/// No plugin, no transport: two PeerConnections of one process, by their descriptions alone.
#[test]
fn peers_connect_by_descriptions() {
    let folder = Folder::new("embedding-capture");
    let capture = folder.0.join("capture.txt");
    run("peers", &[], &[capture.to_str().unwrap()]);
    let text = std::fs::read_to_string(capture).unwrap();
    // "purr" leaves the captured one.
    assert!(text.contains("70 75 72 72"), "{text}");
}

/// A peer that is stopped, and goes on.
#[test]
fn who_is_silent_is_disconnected() {
    run("silence", &[], &[]);
}

#[test]
fn data_channels_are_told_apart_and_slow_their_senders_down() {
    run("channels", &[], &[]);
}

#[test]
fn media_come_and_go() {
    run("media", &["-pthread"], &[]);
}

#[test]
fn links_forward_media() {
    run("links", &["-pthread"], &[]);
}

/// However they are placed: two that are connected to each other get two sockets, or are told that there is only one.
#[test]
fn peers_of_one_process_connect() {
    run("neighbours", &[], &[]);
}

/// A plugin that is part of the program; and linked statically with one in a file, which looks for its functions in the
/// program.
#[test]
fn a_plugin_of_its_own() {
    let flags = |what: &str| {
        let output = Command::new("pkg-config").args([what, "glib-2.0", "jansson"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let folder = Folder::new("embedding-own");
    let libraries = flags("--libs");
    let libraries: Vec<&str> = libraries.iter().map(String::as_str).collect();
    let mut linked = program("examples/embedding/own_plugin.c", &libraries, &folder);
    asked(&mut linked, "mirror.plugin.own", r#""mirror":"pong""#);

    let hello = folder.0.join("libhello.so");
    let shared = ["-shared", "-fPIC", "examples/plugin/hello.c", "-o", hello.to_str().unwrap()];
    assert!(common::cc(&shared).status.success());
    let archive = Path::new(DAEMON).with_file_name("libjanus_rs.a");
    let alone = folder.0.join("static");
    let first = [
        "examples/embedding/own_plugin.c",
        "-o",
        alone.to_str().unwrap(),
        "-rdynamic",
        "-Wl,--whole-archive",
    ];
    let then = [archive.to_str().unwrap(), "-Wl,--no-whole-archive"];
    let last = ["-lssl", "-lcrypto", "-lm", "-ldl", "-pthread"];
    let output = common::cc(&[&first[..], &then, &libraries, &last].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    asked(Command::new(&alone).arg(&hello), "you.plugin.hello", r#""hello":"you""#);
}

/// Sends a message to a plugin of examples/embedding/own_plugin.c, whose answer has to have `expected` in it.
fn asked(program: &mut Command, plugin: &str, expected: &str) {
    let program = program.env("ADDRESSES", "127.0.0.1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = program.spawn().unwrap();
    let (mut requests, mut replies) =
        (program.stdin.take().unwrap(), BufReader::new(program.stdout.take().unwrap()));
    let mut ask = |request: &str| {
        requests.write_all(format!("{{{request},\"transaction\":\"t\"}}\n").as_bytes()).unwrap();
        until(&mut replies, "{")
    };
    let number = |reply: &str| {
        let json = Json::parse(reply.as_bytes(), 0).unwrap();
        json.get("data")
            .and_then(|data| data.get("id"))
            .unwrap_or_else(|| panic!("{reply}"))
            .as_i64()
            .unwrap()
    };
    let session = number(&ask(r#""janus":"create""#));
    let attach = format!(r#""janus":"attach","session_id":{session},"plugin":"{plugin}""#);
    let handle = number(&ask(&attach));
    let message = format!(r#""janus":"message","session_id":{session},"handle_id":{handle},"body":{{}}"#);
    let reply = ask(&message);
    assert!(reply.contains(expected), "{reply}");
    drop(requests);
    assert_eq!(program.wait().unwrap().code(), Some(0));
}

/// Nothing is called that the list for seccomp does not have.
#[test]
fn system_calls_are_those_of_the_page() {
    let page = std::fs::read_to_string("docs/embedding.md").unwrap();
    let (_, part) = page.split_once("| what for | system calls |").unwrap();
    let known: Vec<&str> = part.split("\n\n").next().unwrap().split('`').skip(1).step_by(2).collect();
    for name in ["peers", "links"] {
        let folder = Folder::new(&format!("embedding-calls-{name}"));
        program(&format!("tests/embedding/{name}.c"), &["-pthread"], &folder);
        let log = folder.0.join("calls");
        let output = Command::new("strace")
            .args(["-f", "-qq", "-o", log.to_str().unwrap(), folder.0.join("program").to_str().unwrap()])
            .arg(folder.0.join("capture.txt"))
            .env("LD_LIBRARY_PATH", &folder.0)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(log).unwrap();
        let called = text
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.split_once('(').map(|(name, _)| name));
        let mut unknown: Vec<&str> = called.filter(|name| !known.contains(name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        assert!(unknown.is_empty() && text.contains("sendmmsg"), "{name}: {unknown:?}");
    }
}

#[test]
fn misuse_is_an_error() {
    run("misuse", &[], &[]);
}

/// Its signals stay its own: no handler, no other mask, no thread that takes what sigwait waits for, no SIGPIPE.
#[test]
fn an_embedding_program_keeps_its_signals() {
    let folder = Folder::new("embedding-modules");
    let plugins = folder.0.join("plugins");
    common::plugin("c-plugins/echo_sample.c", &plugins);
    // Of the two, libwebsockets ignores SIGPIPE by itself; and libsrtp2, which plugins expect, by way of NSS and NSPR.
    let ports = [common::free_port(), common::free_port()];
    folder.write(
        "janus.transport.http.jcfg",
        &format!("general: {{ http = true; port = {}; ip = \"127.0.0.1\" }}\n", ports[0]),
    );
    folder.write(
        "janus.transport.websockets.jcfg",
        &format!("general: {{ ws = true; ws_port = {}; ws_ip = \"127.0.0.1\" }}\n", ports[1]),
    );
    let all = common::modules("transports");
    let transports = ["libjanus_http.so", "libjanus_websockets.so"]
        .map(|name| all.iter().find(|path| path.ends_with(name)).unwrap().to_str().unwrap());
    let arguments = [folder.0.to_str().unwrap(), plugins.to_str().unwrap()];
    run("signals", &["-pthread"], &[&arguments[..], &transports[..]].concat());
}

/// The first page of docs/embedding.md.
#[test]
fn the_first_program() {
    let folder = Folder::new("embedding-first");
    let output = program("examples/embedding/first.c", &[], &folder).output().unwrap();
    let info = Json::parse(&output.stdout, 0).unwrap();
    assert_eq!(info.get("server-name").unwrap().as_str(), Some("first"), "{info:?}");
}

/// Reads until a line that begins so, which has to come; what was read.
fn until(from: &mut impl BufRead, begin: &str) -> String {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        assert!(from.read_line(&mut line).unwrap() > 0, "no '{begin}' in\n{text}");
        text.push_str(&line);
        if line.starts_with(begin) {
            return text;
        }
    }
}

/// Two processes, whose descriptions are carried from one to the other; the first one that is pasted is none.
#[test]
fn copy_and_paste() {
    let folder = Folder::new("embedding-paste");
    program("examples/embedding/paste.c", &[], &folder);
    let start = |arguments: &[&str]| {
        Command::new(folder.0.join("program"))
            .args(arguments)
            .env("LD_LIBRARY_PATH", &folder.0)
            .env("ADDRESSES", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut sides = [start(&["offer"]), start(&[])];
    let mut ins = sides.each_mut().map(|side| side.stdin.take().unwrap());
    let mut outs = sides.each_mut().map(|side| BufReader::new(side.stdout.take().unwrap()));
    let mut errors = sides.each_mut().map(|side| BufReader::new(side.stderr.take().unwrap()));
    ins[1].write_all(b"v=0\r\nthis is no description\r\n\r\n").unwrap();
    assert!(until(&mut errors[1], "not usable").contains("line 2"));
    let offer = until(&mut outs[0], "\n");
    ins[1].write_all(offer.as_bytes()).unwrap();
    let answer = until(&mut outs[1], "\n");
    ins[0].write_all(answer.as_bytes()).unwrap();
    until(&mut errors[1], "channel cat-noises");
    for (from, to) in [(1, 0), (0, 1)] {
        for length in [5, 16_000, 200_000] {
            ins[from].write_all(format!("{}\n", "m".repeat(length)).as_bytes()).unwrap();
            let expected = if length > 200 { format!("< {length} bytes") } else { "< mmmmm".to_owned() };
            until(&mut outs[to], &expected);
        }
    }
    let [first, _second] = ins;
    drop(first);
    assert_eq!(sides[0].wait().unwrap().code(), Some(0));
    until(&mut errors[1], "closed: DTLS alert");
    assert_eq!(sides[1].wait().unwrap().code(), Some(0));
}

/// Janus API and Admin API over a web server of the program's, with Debian's plugins.
#[test]
fn a_web_server_of_its_own() {
    let folder = Folder::new("embedding-mhd");
    let port = common::free_port();
    let plugins = common::debian().join("plugins");
    let mut server = program("examples/embedding/mhd_admin.c", &["-lmicrohttpd"], &folder)
        .args([&port.to_string(), plugins.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let ask = |path: &str, request: &str| common::post(port, path, request).unwrap();
    let text = |json: &Json, name: &str| json.get(name).and_then(|v| v.as_str().map(str::to_owned));
    let (_, created) = ask("/janus", r#"{"janus":"create","transaction":"a"}"#);
    let session = created.get("data").and_then(|data| data.get("id")).unwrap().as_i64().unwrap();
    let attach = format!(
        r#"{{"janus":"attach","plugin":"janus.plugin.videoroom","session_id":{session},"transaction":"b"}}"#
    );
    assert_eq!(text(&ask("/janus", &attach).1, "janus").as_deref(), Some("success"));
    let refused = ask("/admin", r#"{"janus":"list_sessions","transaction":"c"}"#).1;
    assert_eq!(text(&refused, "janus").as_deref(), Some("error"), "{refused:?}");
    let list =
        ask("/admin", r#"{"janus":"list_sessions","transaction":"d","admin_secret":"janusoverlord"}"#).1;
    assert_eq!(list.get("sessions").unwrap().at(0).unwrap().as_i64(), Some(session));
    assert_eq!(ask("/elsewhere", "{}").0, 404);
    let metrics =
        Command::new("curl").args(["-s", &format!("http://127.0.0.1:{port}/metrics")]).output().unwrap();
    let metrics = String::from_utf8(metrics.stdout).unwrap();
    assert!(metrics.contains("\njanus_sessions 1\n") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
