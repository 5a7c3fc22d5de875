//! The daemon with compiled modules: start, requests, misbehaving plugins, stop.

mod common;

use common::{DAEMON, Daemon, Folder, at};
use std::path::Path;
use std::process::Command;

fn with_plugins(name: &str, sources: &[&str]) -> Daemon {
    let folder = Folder::new(name);
    let plugins = folder.0.join("plugins");
    for source in sources {
        common::plugin(source, &plugins);
    }
    Daemon::start(folder, &plugins, "")
}

#[test]
fn a_plugin_built_with_our_sdk_answers() {
    let daemon = with_plugins("echo", &["c-plugins/echo_sample.c"]);
    let session = daemon.create();
    let handle = daemon.attach(session, "janus.plugin.echosample");
    let pong = daemon.message(session, handle, r#"{"request":"ping"}"#);
    assert_eq!(at(&pong, &["plugindata", "data", "echo"]).as_str(), Some("pong"), "{pong:?}");
    let ack = daemon.message(session, handle, r#"{"a":1}"#);
    assert_eq!(at(&ack, &["janus"]).as_str(), Some("ack"), "{ack:?}");
    assert_eq!(at(&ack, &["hint"]).as_str(), Some("Comes as an event"));
    let event = daemon.event(session);
    assert_eq!(at(&event, &["plugindata", "data", "echo", "a"]).as_i64(), Some(1), "{event:?}");
    // CP-069, CP-072
    let (status, log) = daemon.stop();
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("Echo sample destroyed"), "{log}");
}

// CP-205 … CP-207, CP-220, CP-221, CP-234
#[test]
fn a_misbehaving_plugin_does_not_take_the_server_along() {
    let daemon = with_plugins("misbehave", &["c-plugins/misbehave.c"]);
    let session = daemon.create();
    let package = "janus.plugin.misbehave";
    for _ in 0..5 {
        let gone = daemon.attach(session, package);
        let detach = r#"{"janus":"detach","transaction":"t"}"#;
        assert_eq!(
            at(&daemon.post(&format!("/janus/{session}/{gone}"), detach), &["janus"]).as_str(),
            Some("success")
        );
    }
    let handle = daemon.attach(session, package);
    let ask = |request: &str| daemon.message(session, handle, &format!(r#"{{"request":"{request}"}}"#));
    assert_eq!(at(&ask("create_code"), &["plugindata", "data", "code"]).as_i64(), Some(-2)); // CP-206
    assert_eq!(at(&ask("null"), &["error", "code"]).as_i64(), Some(462));
    assert_eq!(at(&ask("empty"), &["error", "code"]).as_i64(), Some(462));
    for _ in 0..3 {
        let codes = at(&ask("stale"), &["plugindata", "data", "codes"]);
        assert_eq!(codes.len(), 5 + 3);
        assert!(codes.elements().all(|c| c.as_i64() == Some(-2)), "{codes:?}");
        assert_eq!(at(&ask("over_release"), &["janus"]).as_str(), Some("success"));
        assert_eq!(at(&ask("oversized"), &["janus"]).as_str(), Some("success"));
    }
    assert_eq!(at(&ask("end_twice"), &["janus"]).as_str(), Some("success"));
    // The handle ends by itself; new ones work, and old sessions stay harmless.
    let other = daemon.attach(session, package);
    let again = daemon.message(session, other, r#"{"request":"stale"}"#);
    assert!(at(&again, &["plugindata", "data", "codes"]).len() >= 8, "{again:?}");
    let (status, log) = daemon.stop();
    assert_eq!(status, Some(0), "{log}");
}

// CP-055: threads that it has started by then go on running its code.
#[test]
fn a_plugin_that_refuses_may_leave_threads_behind() {
    let folder = Folder::new("refuses");
    let plugins = folder.0.join("plugins");
    let sample = std::fs::read_to_string("c-plugins/echo_sample.c").unwrap();
    let thread = "#include <unistd.h>\nstatic gpointer busy(gpointer p) { for(;;) usleep(100); return p; }\n";
    let changed = sample.replace(
        "static int echo_init(janus_callbacks *callbacks, const char *config_folder) {",
        &format!(
            "{thread}static int echo_init(janus_callbacks *callbacks, const char *config_folder) {{\n\
         g_thread_new(\"busy\", busy, NULL); if(callbacks && config_folder) return -1;"
        ),
    );
    assert_ne!(changed, sample);
    common::plugin(folder.write("refuses.c", &changed).to_str().unwrap(), &plugins);
    let daemon = Daemon::start(folder, &plugins, "");
    daemon.create();
    let (status, log) = daemon.stop();
    assert!(status == Some(0) && log.contains("could not be initialised (-1)"), "{status:?}\n{log}");
}

// CP-056, CP-063: all 25 modules in one process, each with the configuration that the distribution ships: created, checked, initialised,
// destroyed. Some of them refuse to work with it (no broker, switched off): then the log says so.
#[test]
fn every_module_of_the_distribution_in_one_process() {
    let folder = Folder::new("all");
    for entry in std::fs::read_dir("/etc/janus").unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.0.join(path.file_name().unwrap())).unwrap();
        }
    }
    folder.write(
        "janus.transport.websockets.jcfg",
        &format!("general: {{ ws = true; ws_port = {} }}\n", common::free_port()),
    );
    let daemon =
        Daemon::start_with(folder, &common::debian().join("plugins"), "events: { broadcast = true }");
    let info = daemon.post("/janus", r#"{"janus":"info","transaction":"t"}"#);
    let log = daemon.log();
    let mut count = 0;
    for kind in ["plugins", "transports", "events", "loggers"] {
        let listed = at(&info, &[kind]).members().len();
        let refused =
            log.lines().filter(|l| l.contains("could not be initialised") && l.contains(&kind[..5])).count();
        let all = common::modules(kind).len();
        assert_eq!(listed + refused, all, "{kind}: {info:?}\n{log}");
        assert!(refused == 0 || kind == "plugins" || kind == "transports", "{kind}: {log}");
        count += all;
    }
    assert_eq!(count, 25);
    let first =
        |kind: &str| log.find(&format!("\n{kind} janus.")).unwrap_or_else(|| panic!("no {kind}\n{log}"));
    let order = ["logger", "event handler", "plugin", "transport"].map(first);
    assert!(order.is_sorted(), "{order:?}\n{log}");
    let (status, log) = daemon.stop();
    assert_eq!(status, Some(0), "{log}");
    for name in ["EchoTest", "VideoRoom", "Streaming", "SIP", "NoSIP", "AudioBridge", "TextRoom", "VideoCall"]
    {
        assert!(log.contains(&format!("JANUS {name} plugin destroyed!")), "{name}\n{log}");
    }
}

/// The sample plugin, changed, as a file of `folder` with the package `org.example.NAME`.
fn changed_sample(name: &str, changes: &[(&str, &str)], folder: &Folder, plugins: &Path) {
    let mut text = std::fs::read_to_string("c-plugins/echo_sample.c").unwrap();
    let package = format!("org.example.{name}");
    for (old, new) in [("janus.plugin.echosample", package.as_str())].iter().chain(changes) {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let source = folder.write(&format!("{name}.c"), &text);
    common::plugin_with(source.to_str().unwrap(), plugins, &["-Wno-unused-function"]);
}

// CP-048 … CP-055: beside a plugin that works, all that is none is left out, with a line.
#[test]
fn what_is_no_plugin_is_left_out() {
    let folder = Folder::new("none");
    let plugins = folder.0.join("plugins");
    common::plugin("c-plugins/echo_sample.c", &plugins);
    std::fs::write(plugins.join("garbage.so"), "no shared object").unwrap();
    let simple = |name: &str, text: &str| {
        common::plugin(folder.write(&format!("{name}.c"), text).to_str().unwrap(), &plugins)
    };
    simple("uncreated", "int uncreated = 1;\n");
    simple("nothing", "void *create(void);\nvoid *create(void) { return 0; }\n");
    let number = "return JANUS_PLUGIN_API_VERSION;";
    // The sample itself lacks handle_admin_message, slow_link and data_ready (CP-052).
    changed_sample("poor", &[(".query_session = echo_query_session,", "")], &folder, &plugins);
    changed_sample("ancient", &[(number, "return 5;")], &folder, &plugins);
    changed_sample("future", &[(number, "return JANUS_PLUGIN_API_VERSION + 1;")], &folder, &plugins);
    changed_sample(
        "refusing",
        &[("core = callbacks;", "core = callbacks; if(core != NULL) return -1;")],
        &folder,
        &plugins,
    );
    let daemon = Daemon::start(folder, &plugins, "");
    let info = daemon.post("/janus", r#"{"janus":"info","transaction":"t"}"#);
    let mut listed: Vec<String> = at(&info, &["plugins"]).members().into_iter().map(|m| m.0).collect();
    listed.sort();
    assert_eq!(listed, ["janus.plugin.echosample", "org.example.future"], "{}", daemon.log());
    let session = daemon.create();
    daemon.attach(session, "org.example.future");
    let (status, log) = daemon.stop();
    assert_eq!(status, Some(0), "{log}");
    for (name, why) in [
        ("garbage.so", ""),
        ("uncreated.so", "it has no function `create`"),
        ("nothing.so", "`create` returned NULL"),
        ("poor.so", "query_session"),
        // Read in the file. Where code is not decoded, its table is read as that of its time.
        (
            "ancient.so",
            if cfg!(target_arch = "x86_64") { "API 5 belongs to no known release" } else { "lacks" },
        ),
        ("org.example.refusing", "could not be initialised (-1)"),
    ] {
        assert!(log.lines().any(|l| l.contains(name) && l.contains(why)), "{name}: {why}\n{log}");
    }
    // Three never began, one was refused by its number, one refused itself.
    assert_eq!(log.matches("Echo sample initialized").count(), 2, "{log}");
}

// CP-046, CP-062, CP-099: the distribution's own plugins, all together.
#[test]
fn the_plugins_of_the_distribution_run_together() {
    let folder = Folder::new("debian");
    let daemon = Daemon::start(
        folder,
        &common::debian().join("plugins"),
        "plugins: { disable = \"libjanus_lua.so, libjanus_duktape.so\" }",
    );
    let info = daemon.post("/janus", r#"{"janus":"info","transaction":"t"}"#);
    let plugins: Vec<String> = at(&info, &["plugins"]).members().into_iter().map(|m| m.0).collect();
    for name in ["echotest", "videoroom", "textroom", "streaming", "audiobridge"] {
        assert!(plugins.contains(&format!("janus.plugin.{name}")), "{name} in {plugins:?}\n{}", daemon.log());
    }
    assert!(!plugins.contains(&"janus.plugin.lua".to_owned()));
    assert!(at(&info, &["events"]).members().is_empty(), "events are off");
    let session = daemon.create();
    let room = daemon.attach(session, "janus.plugin.videoroom");
    let list = daemon.message(session, room, r#"{"request":"list"}"#);
    assert_eq!(at(&list, &["plugindata", "data", "videoroom"]).as_str(), Some("success"), "{list:?}");
    let echo = daemon.attach(session, "janus.plugin.echotest");
    let ack = daemon.message(session, echo, r#"{"audio":true}"#);
    assert_eq!(at(&ack, &["janus"]).as_str(), Some("ack"), "{ack:?}");
    let event = daemon.event(session);
    assert_eq!(at(&event, &["plugindata", "data", "result"]).as_str(), Some("ok"), "{event:?}");
    let (status, log) = daemon.stop();
    assert_eq!(status, Some(0), "{log}");
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(DAEMON).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

// CP-001 … CP-003, CP-042, CP-048, CP-049, CP-058 … CP-060
#[test]
fn what_stops_it_from_starting() {
    let folder = Folder::new("fail");
    let path = |name: &str| folder.0.join(name).to_string_lossy().into_owned();
    let config = folder.0.to_str().unwrap();
    assert_eq!(run(&["--nonsense"]).0, Some(1));
    assert_eq!(run(&["--help"]).0, Some(0));
    assert_eq!(run(&["-V"]).0, Some(0));
    assert_eq!(run(&["-F", config, "-C", &path("missing.jcfg")]).0, Some(1));
    let empty = path("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let general = |plugins: &str, transports: &str, more: &str| {
        folder.write(
            "janus.jcfg",
            &format!(
                "general: {{ plugins_folder = \"{plugins}\"; transports_folder = \"{transports}\"; \
                 loggers_folder = \"/nonexistent\"; {more} }}\nnat: {{ ice_enforce_list = \"127.0.0.1\" }}\n"
            ),
        )
    };
    general(&empty, "/nonexistent", "");
    let (status, text) = run(&["-F", config]);
    assert!(status == Some(1) && text.contains("cannot read folder /nonexistent"), "{text}");
    general("/nonexistent", &empty, "");
    assert_eq!(run(&["-F", config]).0, Some(1));
    general(&empty, &empty, "}\ntransports: { builtin = false");
    let (status, text) = run(&["-F", config]);
    assert!(status == Some(1) && text.contains("No transport offers the Janus API"), "{text}");
    general(&empty, &empty, "log_to_file = \"/nonexistent/log\"");
    assert_eq!(run(&["-F", config]).0, Some(1));
    let broken = path("broken");
    std::fs::create_dir_all(&broken).unwrap();
    let library = folder.write("uncreated.c", "int uncreated = 1;\n");
    for file in [
        folder.write("broken/garbage.so", "no shared object"),
        common::plugin(library.to_str().unwrap(), Path::new(&broken)),
    ] {
        general(&broken, &empty, "exit_on_dl_error = true");
        let (status, text) = run(&["-F", config]);
        assert!(status == Some(1) && text.contains(file.to_str().unwrap()), "{text}");
        std::fs::remove_file(file).unwrap();
    }
    let transports = common::debian().join("transports");
    let others = common::all_transports_but("http").join(",");
    let port = common::free_port();
    folder.write(
        "janus.transport.http.jcfg",
        &format!("general: {{ http = true; port = {port}; ip = \"127.0.0.1\" }}\n"),
    );
    let tokens = format!("token_auth = true }}\ntransports: {{ disable = \"{others}\"");
    general(&empty, transports.to_str().unwrap(), &tokens);
    let (status, text) = run(&["-F", config]);
    assert!(status == Some(1) && text.contains("no transport offers the Admin API"), "{text}");
    // CP-037
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let soft =
        limits.lines().find_map(|l| l.strip_prefix("Max open files")?.split_whitespace().next()).unwrap();
    if let Ok(soft) = soft.parse::<u64>() {
        general(&empty, &empty, &format!("check_openfiles_limit = \"{}\"", soft + 1));
        let (status, text) = run(&["-F", config]);
        assert!(status == Some(1) && text.contains(&format!("{}", soft + 1)), "{text}");
    }
}

// CP-061, CP-065 … CP-068
#[test]
fn in_the_background_with_a_pid_file() {
    let folder = Folder::new("background");
    let pid = folder.0.join("pid");
    let plugins = folder.0.join("plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    let port = common::free_port();
    folder.write(
        "janus.transport.http.jcfg",
        &format!("general: {{ http = true; port = {port}; ip = \"127.0.0.1\" }}\n"),
    );
    folder.write("janus.jcfg", &format!("general: {{ plugins_folder = \"{}\" }}\n", plugins.display()));
    let others = common::all_transports_but("http");
    folder.write(
        "janus.jcfg",
        &format!(
            "general: {{ plugins_folder = \"{}\" }}\ntransports: {{ disable = \"{}\" }}\n",
            plugins.display(),
            others.join(",")
        ),
    );
    let arguments = ["-b", "-F", folder.0.to_str().unwrap(), "-p", pid.to_str().unwrap()];
    let (status, text) = run(&arguments);
    assert_eq!(status, Some(0), "{text}");
    let number = std::fs::read_to_string(&pid).unwrap();
    let process = number.trim_end();
    assert_eq!(std::fs::read_link(format!("/proc/{process}/cwd")).unwrap(), Path::new("/"));
    assert_eq!(std::fs::read_link(format!("/proc/{process}/fd/1")).unwrap(), Path::new("/dev/null"));
    // A second instance fails and leaves the file alone.
    assert_eq!(run(&arguments).0, Some(1));
    assert_eq!(std::fs::read_to_string(&pid).unwrap(), number);
    assert!(Command::new("kill").arg(process).status().unwrap().success());
    while Path::new(&format!("/proc/{process}/exe")).exists() && pid.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(!pid.exists());
}

/// Two generations in one process: each module's imports are bound to its own, also where immediate binding and
/// read-only relocations protect them.
#[test]
fn generations_live_side_by_side() {
    let folder = Folder::new("older");
    let plugins = folder.0.join("plugins");
    common::plugin("c-plugins/echo_sample.c", &plugins);
    common::plugin_with("tests/sdk/older.c", &plugins, &["-Wl,-z,now,-z,relro"]);
    let more = "plugins: { abi_generations = \"older.so=B3\" }";
    let daemon = Daemon::start(folder, &plugins, more);
    let session = daemon.create();
    let older = daemon.attach(session, "janus.plugin.older");
    let sizes = daemon.message(session, older, "{}");
    assert_eq!(at(&sizes, &["plugindata", "data", "called"]).as_i64(), Some(284), "{sizes:?}");
    assert_eq!(at(&sizes, &["plugindata", "data", "in_data"]).as_i64(), Some(284), "{sizes:?}");
    let native = daemon.attach(session, "janus.plugin.echosample");
    let pong = daemon.message(session, native, r#"{"request":"ping"}"#);
    assert_eq!(at(&pong, &["plugindata", "data", "echo"]).as_str(), Some("pong"));
    assert_eq!(daemon.stop().0, Some(0));
}

/// Nothing tells whether a plugin of API 106 has the fields at the end that only B6 has: it is served without them, with
/// one warning that holds the line which would settle it; and with that line there is no warning. (What the function writes
/// ends before the capture time, which it leaves, or with the layers after it.)
#[test]
fn what_is_assumed_is_a_warning_with_the_override() {
    let start = |more: &str| {
        let folder = Folder::new("assumed");
        let plugins = folder.0.join("plugins");
        common::plugin_with("tests/sdk/older.c", &plugins, &["-DAPI=106"]);
        let daemon = Daemon::start(folder, &plugins, more);
        let session = daemon.create();
        let handle = daemon.attach(session, "janus.plugin.older");
        let sizes = daemon.message(session, handle, "{}");
        let bytes = at(&sizes, &["plugindata", "data", "called"]).as_i64();
        let (status, log) = daemon.stop();
        assert_eq!(status, Some(0), "{log}");
        let warnings: Vec<String> =
            log.lines().filter(|l| l.contains("older.so is taken for")).map(String::from).collect();
        (bytes, warnings)
    };
    let settled = "plugins: { abi_generations = \"older.so=B6\" }";
    let (bytes, warnings) = start("");
    assert_eq!((bytes, warnings.len()), (Some(288), 1), "{warnings:?}");
    assert!(warnings[0].contains("[WARN]") && warnings[0].contains("generation B5"), "{warnings:?}");
    assert!(warnings[0].contains("assumed: B5 … B6") && warnings[0].contains(settled), "{warnings:?}");
    assert_eq!(start(settled), (Some(304), Vec::new()));
}

/// The distribution's plugins and event handlers, each with the configuration that it ships.
fn everything(name: &str) -> Daemon {
    let folder = Folder::new(name);
    for entry in std::fs::read_dir("/etc/janus").unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.0.join(path.file_name().unwrap())).unwrap();
        }
    }
    let port = common::free_port();
    folder.write("janus.transport.websockets.jcfg", &format!("general: {{ ws = true; ws_port = {port} }}\n"));
    Daemon::start_with(folder, &common::debian().join("plugins"), "events: { broadcast = true }")
}

// The distribution's plugins leave threads behind that are at their last lines when the process ends: one stop in sixty
// ended by SIGABRT. 500 stops were tried by hand.
#[test]
fn thirty_stops_end_well() {
    std::thread::scope(|scope| {
        for lane in 0..3 {
            scope.spawn(move || {
                for _ in 0..10 {
                    let daemon = everything(&format!("stops{lane}"));
                    daemon.post("/janus", r#"{"janus":"info","transaction":"t"}"#);
                    let (status, log) = daemon.stop();
                    assert!(status == Some(0) && log.contains("Bye!"), "{status:?}\n{log}");
                }
            });
        }
    });
}

// Before there is anything to stop, the signal ends the process by itself.
#[test]
fn sigterm_at_any_moment_of_the_start() {
    use std::os::unix::process::ExitStatusExt;
    // Modules, configuration and ports of a server that has been up.
    let daemon = everything("moments");
    let folder = daemon.folder.0.clone();
    let mut early = 0;
    let (mut orderly, steps) = (0, 24);
    let daemon = daemon.stop_but_keep_folder();
    for step in 0..steps {
        let log = folder.join("log");
        let _ = std::fs::remove_file(&log);
        let mut child = Command::new(DAEMON)
            .args(["-F", folder.to_str().unwrap()])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(step * 25));
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let status = child.wait().unwrap();
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        match (status.code(), status.signal()) {
            (Some(0), _) if log.contains("Bye!") => orderly += 1,
            (None, Some(15)) if !log.contains("janus.plugin") => early += 1,
            _ => panic!("step {step}: {status}\n{log}"),
        }
    }
    assert_eq!(early + orderly, steps);
    assert!(orderly > 0);
    drop(daemon);
}

// What modules leave in the buffers of stdio is written; destructors of libraries, whose threads are still there, do not run.
#[test]
fn the_end_writes_buffers_and_runs_no_destructors() {
    let folder = Folder::new("end");
    let plugins = folder.0.join("plugins");
    let sample = std::fs::read_to_string("c-plugins/echo_sample.c").unwrap();
    let destructor = "#include <stdio.h>\n#include <stdlib.h>\n\
        __attribute__((destructor)) static void fini(void) { abort(); }\n\
        static void echo_destroy(void) { fputs(\"the last words\", fopen(FILE_NAME, \"w\"));";
    let changed = sample.replace("static void echo_destroy(void) {", destructor);
    assert_ne!(changed, sample);
    let words = folder.0.join("words");
    let source = folder.write("ends.c", &changed);
    let name = format!("-DFILE_NAME=\"{}\"", words.display());
    common::plugin_with(source.to_str().unwrap(), &plugins, &[&name]);
    let daemon = Daemon::start(folder, &plugins, "").stop_but_keep_folder();
    assert_eq!(daemon.status, Some(0), "{}", daemon.log);
    assert_eq!(std::fs::read_to_string(words).unwrap(), "the last words");
}

// Who rotates logs by SIGHUP, or closes the terminal, does not mean to end the server.
#[test]
fn sighup_reopens_the_log() {
    let daemon = with_plugins("hup", &["c-plugins/echo_sample.c"]);
    let (log, old) = (daemon.folder.0.join("log"), daemon.folder.0.join("log.1"));
    std::fs::rename(&log, &old).unwrap();
    let hangup = || {
        assert!(Command::new("kill").args(["-HUP", &daemon.pid().to_string()]).status().unwrap().success())
    };
    hangup();
    let limit = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !log.exists() {
        assert!(std::time::Instant::now() < limit, "no new log");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    daemon.create();
    let (status, log) = daemon.stop();
    assert!(
        status == Some(0) && log.contains("Bye!") && log.contains("Echo sample destroyed"),
        "{status:?}\n{log}"
    );
}
