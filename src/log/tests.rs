use super::*;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc;

struct Fixed {
    level: i32,
    timestamps: bool,
    colors: bool,
    prefix: Option<&'static str>,
    structured: bool,
}

impl Settings for Fixed {
    fn level(&self) -> i32 {
        self.level
    }
    fn timestamps(&self) -> bool {
        self.timestamps
    }
    fn colors(&self) -> bool {
        self.colors
    }
    fn prefix(&self) -> Option<String> {
        self.prefix.map(str::to_owned)
    }
    fn structured(&self) -> bool {
        self.structured
    }
}

const PLAIN: Fixed = Fixed { level: 7, timestamps: false, colors: false, prefix: None, structured: false };
const PLACE: Place<'_> = Place { file: "a.rs", function: "f", line: 7 };

fn temporary(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("janus-rs-log-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("temporary folder");
    folder
}

fn to_file(path: &Path) -> LogConfig {
    LogConfig { stdout: false, file: Some(path.to_owned()) }
}

fn composed(settings: &Fixed, level: Level, text: &str) -> String {
    String::from_utf8(compose(settings, level, PLACE, &Subject::default(), text).into_parts().0)
        .expect("text")
}

fn by_module(settings: &Fixed, line: &str) -> String {
    String::from_utf8(Composed::by_module(settings, line.as_bytes()).into_parts().0).expect("text")
}

#[test]
fn text_cannot_begin_a_line() {
    let text = "room\n\x1b[35m[FATAL]\x1b[0m [core.c:main:1] dead\r\nv=0\rx\ty\u{9b}31m\u{7f}ä\n\n";
    let clean = "room\n  | \\x1b[35m[FATAL]\\x1b[0m [core.c:main:1] dead\n  | v=0\\x0dx\ty\\x9b31m\\x7fä\n";
    assert_eq!(composed(&PLAIN, Level::Info, text), clean);
    assert_eq!(by_module(&PLAIN, text), clean);
    // Bytes that are no text stay what they are, except those that a terminal may obey.
    let bytes = Composed::by_module(&PLAIN, b"\xff\x9b1m\n").into_parts().0;
    assert_eq!(bytes, b"\xff\\x9b1m\n");
}

#[test]
fn colours_of_modules_stand_before_their_text() {
    let settings = Fixed { prefix: Some("\x1b[1mme\x1b[0m "), colors: true, timestamps: true, ..PLAIN };
    let date = "[Fri Nov 20 10:59:33 2026] ";
    for start in [
        "\x1b[31m[ERR]\x1b[0m ".to_owned(),
        format!("{date}\x1b[35m[FATAL]\x1b[0m "),
        format!("\x1b[1mme\x1b[0m {date}\x1b[33m[WARN]\x1b[0m "),
    ] {
        assert_eq!(by_module(&settings, &format!("{start}x\n")), format!("{start}x\n"));
        assert_eq!(
            by_module(&settings, &format!("{start}x\x1b[31m[ERR]\x1b[0m\ny\n")),
            format!("{start}x\\x1b[31m[ERR]\\x1b[0m\n  | y\n")
        );
    }
    for other in ["\x1b[2J[ERR]\x1b[0m\n", "\x1b[31m[a\x07]\x1b[0m\n", "[\x1b[31m] \n", "\x1b\n", "\n", ""] {
        assert!(!by_module(&settings, other).contains('\x1b'), "{other:?}");
    }
    // Without colours or dates the macro writes none: a client has.
    let dated = Fixed { timestamps: true, ..PLAIN };
    let forged = format!("{date}\x1b[35m[FATAL]\x1b[0m dead\n");
    assert_eq!(by_module(&dated, &forged), format!("{date}\\x1b[35m[FATAL]\\x1b[0m dead\n"));
    let coloured = Fixed { colors: true, ..PLAIN };
    assert_eq!(by_module(&coloured, &forged), format!("{date}\\x1b[35m[FATAL]\\x1b[0m dead\n"));
    // And with colours a tag has one.
    assert_eq!(by_module(&coloured, "[FATAL] dead\n"), "  | [FATAL] dead\n");
    assert_eq!(by_module(&coloured, "[janus.plugin.x] so so\n"), "[janus.plugin.x] so so\n");
    assert_eq!(by_module(&PLAIN, "[ERR] so so\n"), "[ERR] so so\n");
    // Parts of a line.
    assert_eq!(by_module(&PLAIN, "a\nb"), "a\n  | b");
}

#[test]
fn tags_and_places_per_level() {
    // HL-033, CP-330
    let line = |level| composed(&PLAIN, level, "text");
    assert_eq!(line(Level::Fatal), "[FATAL] [a.rs:f:7] text\n");
    assert_eq!(line(Level::Err), "[ERR] [a.rs:f:7] text\n");
    assert_eq!(line(Level::Warn), "[WARN] text\n");
    assert_eq!(line(Level::Info), "text\n");
    assert_eq!(line(Level::Verb), "text\n");
    assert_eq!(line(Level::Huge), "text\n");
    assert_eq!(line(Level::Dbg), "[a.rs:f:7] text\n");
}

#[test]
fn colours_wrap_the_tag_only() {
    // HL-038
    let settings = Fixed { colors: true, ..PLAIN };
    assert_eq!(composed(&settings, Level::Fatal, "x"), "\x1b[35m[FATAL]\x1b[0m [a.rs:f:7] x\n");
    assert_eq!(composed(&settings, Level::Err, "x"), "\x1b[31m[ERR]\x1b[0m [a.rs:f:7] x\n");
    assert_eq!(composed(&settings, Level::Warn, "x"), "\x1b[33m[WARN]\x1b[0m x\n");
    assert_eq!(composed(&settings, Level::Info, "x"), "x\n");
}

#[test]
fn prefix_precedes_the_timestamp() {
    // HL-034, CP-039
    let settings = Fixed { timestamps: true, prefix: Some("[me] "), ..PLAIN };
    let line = composed(&settings, Level::Warn, "x");
    let rest = line.strip_prefix("[me] [").expect("prefix, then the date");
    let (date, rest) = rest.split_once("] ").expect("end of the date");
    assert_eq!(rest, "[WARN] x\n");
    assert_eq!(date.len(), "Fri Nov 20 10:59:33 2026".len());
    assert_eq!(date.split_whitespace().count(), 5);
}

#[test]
fn level_decides() {
    // HL-032
    let settings = Fixed { level: 3, ..PLAIN };
    assert!(Level::Warn.enabled(&settings) && !Level::Info.enabled(&settings));
    assert!(!Level::Fatal.enabled(&Fixed { level: 0, ..PLAIN }));
}

#[test]
fn lines_reach_the_file_in_order() {
    // HL-035, HL-036, CP-331: some are written before the start.
    let folder = temporary("order");
    let path = folder.join("log");
    fs::write(&path, "old\n").expect("writes");
    let logger = Arc::new(Logger::default());
    let lines: Vec<String> = (0..1000).map(|n| format!("line {n}\n")).collect();
    lines[..500].iter().for_each(|line| logger.write(line.clone().into_bytes().into()));
    logger.start(to_file(&path)).expect("starts");
    lines[500..].iter().for_each(|line| logger.write(line.clone().into_bytes().into()));
    logger.stop();
    logger.write(b"too late\n".to_vec().into());
    logger.stop();
    assert_eq!(fs::read_to_string(&path).expect("reads"), format!("old\n{}", lines.concat()));
    assert_eq!(logger.config(), Some(to_file(&path)));
    fs::remove_dir_all(folder).expect("cleans up");
}

#[test]
fn unopenable_file() {
    // CP-042
    let logger = Arc::new(Logger::default());
    assert!(logger.start(to_file(Path::new("/nonexistent/log"))).is_err());
    assert_eq!(logger.config(), None);
}

#[test]
fn rotation_continues_in_a_new_file() {
    // CP-043
    let folder = temporary("rotate");
    let (path, moved) = (folder.join("log"), folder.join("log.1"));
    let logger = Arc::new(Logger::default());
    let (sender, receiver) = mpsc::channel();
    logger.add_sink(Arc::new(Forward(Mutex::new(sender))));
    logger.start(to_file(&path)).expect("starts");
    logger.write(b"before\n".to_vec().into());
    receiver.recv().expect("written");
    fs::rename(&path, &moved).expect("renames");
    logger.rotate();
    while !path.exists() {
        std::thread::yield_now();
    }
    logger.write(b"after\n".to_vec().into());
    logger.stop();
    assert_eq!(fs::read_to_string(&moved).expect("old file"), "before\n");
    assert_eq!(fs::read_to_string(&path).expect("new file"), "after\n");
    fs::remove_dir_all(folder).expect("cleans up");
}

struct Forward(Mutex<mpsc::Sender<(i64, String)>>);

impl LogSink for Forward {
    fn incoming_logline(&self, timestamp_us: i64, line: &str) {
        let sender = self.0.lock().expect("lock");
        sender.send((timestamp_us, line.to_owned())).expect("the test listens");
        drop(sender);
        assert!(!line.contains("panic"), "asked for");
    }
}

#[test]
fn sinks_get_each_line_once_and_may_panic() {
    // HL-037, CP-329
    let logger = Arc::new(Logger::default());
    let (sender, receiver) = mpsc::channel();
    logger.add_sink(Arc::new(Forward(Mutex::new(sender.clone()))));
    logger.add_sink(Arc::new(Forward(Mutex::new(sender))));
    let before = crate::util::time::real();
    logger.start(LogConfig::default()).expect("starts");
    logger.write(b"panic\n".to_vec().into());
    logger.write(b"n\xff\n".to_vec().into());
    logger.stop();
    let got: Vec<_> = receiver.try_iter().collect();
    assert_eq!(
        got.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(),
        ["panic\n", "panic\n", "n\u{fffd}\n", "n\u{fffd}\n"]
    );
    assert!(got.iter().all(|(stamp, _)| *stamp >= before));
}

#[test]
fn what_does_not_fit_is_counted() {
    let folder = temporary("full");
    let path = folder.join("log");
    let logger = Arc::new(Logger::with_capacity(2));
    for n in 0..5 {
        logger.write(format!("{n}\n").into_bytes().into());
    }
    logger.start(to_file(&path)).expect("starts");
    logger.stop();
    let text = fs::read_to_string(&path).expect("reads");
    assert_eq!(text, "0\n1\n[WARN] 3 log lines were lost: the output is too slow\n");
    fs::remove_dir_all(folder).expect("cleans up");
}

/// Says that a line came, then waits to be released.
struct Stuck(Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>);

impl LogSink for Stuck {
    fn incoming_logline(&self, _: i64, _: &str) {
        let (arrived, release) = &*self.0.lock().expect("lock");
        let _ = arrived.send(());
        let _ = release.recv();
    }
}

#[test]
fn callers_never_wait_for_the_output() {
    let folder = temporary("stuck");
    let path = folder.join("log");
    let logger = Arc::new(Logger::with_capacity(2));
    let (arrived, arrival) = mpsc::channel();
    let (release, released) = mpsc::channel();
    logger.add_sink(Arc::new(Stuck(Mutex::new((arrived, released)))));
    logger.start(to_file(&path)).expect("starts");
    logger.write(b"first\n".to_vec().into());
    arrival.recv().expect("the output is stuck in the first line");
    for n in 0..5 {
        logger.write(format!("{n}\n").into_bytes().into());
    }
    drop(release);
    logger.stop();
    let text = fs::read_to_string(&path).expect("reads");
    let (before, after) =
        text.split_once("[WARN] 3 log lines were lost: the output is too slow\n").expect("a count");
    assert_eq!(format!("{before}{after}"), "first\n0\n1\n");
    fs::remove_dir_all(folder).expect("cleans up");
}

#[test]
fn events_become_lines() {
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let write = |line: Composed| {
        LINES.lock().expect("lock").push(String::from_utf8(line.into_parts().0).expect("text"))
    };
    let line = line!() + 2;
    tracing::subscriber::with_default(Lines::new(Fixed { level: 4, ..PLAIN }, write).subscriber(), || {
        tracing::error!(code = 3, name = "x", "went {}", "wrong");
        tracing::error!(target: FATAL, "dead");
        tracing::warn!(handle = 77, "careful");
        tracing::info!("hello");
        tracing::debug!("not shown");
        tracing::trace!("nor this");
    });
    let lines = LINES.lock().expect("lock");
    assert_eq!(
        *lines,
        [
            format!("[ERR] [tests.rs:tests:{line}] went wrong code=3 name=\"x\"\n"),
            format!("[FATAL] [tests.rs:tests:{}] dead\n", line + 1),
            "[WARN] [77] careful\n".to_owned(),
            "hello\n".to_owned(),
        ]
    );
}

#[test]
fn json_says_what_a_line_is_about() {
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    const SETTINGS: Fixed =
        Fixed { level: 7, structured: true, timestamps: true, colors: true, prefix: Some("me ") };
    let write = |line: Composed| {
        let object = line.into_parts().1.expect("an object");
        LINES.lock().expect("lock").push(String::from_utf8(object).expect("text"));
    };
    let line = line!() + 5;
    tracing::subscriber::with_default(Lines::new(SETTINGS, write).subscriber(), || {
        let outer = tracing::info_span!("request", session = 5, handle = 6, plugin = tracing::field::Empty);
        let _outer = outer.enter();
        outer.record("plugin", "a.b");
        tracing::error!(handle = 7, code = 3, "went\n\"wrong\"");
        // Of a module, while it is called.
        write(Composed::by_module(&SETTINGS, b"me \x1b[31m[ERR]\x1b[0m [x.c:f:12] bad\x1b[2J\n"));
        let plain = Fixed { colors: false, ..SETTINGS };
        write(Composed::by_module(&plain, b"[Fri Nov 20 10:59:33 2026] [WARN] so so\n"));
        // Said by somebody.
        write(Composed::by_module(&SETTINGS, b"[ERR] [x.c:f:1] dead\x7f\xc2\x9b2J\n"));
        write(Composed::by_module(&SETTINGS, b"[janus.plugin.x] [a room] [12:30] \xff\n"));
    });
    tracing::subscriber::with_default(Lines::new(SETTINGS, write).subscriber(), || tracing::info!("alone"));
    let inside = r#""session":"5","handle":"6","plugin":"a.b""#;
    let expected = [
        format!(
            r#""level":"ERR","source":"tests.rs:tests:{line}","session":"5","handle":"7","plugin":"a.b","text":"went\n\"wrong\" code=3""#
        ),
        format!(r#""level":"ERR","source":"x.c:f:12",{inside},"text":"bad\u001B[2J""#),
        format!(r#""level":"WARN",{inside},"text":"so so""#),
        format!(r#"{inside},"text":"[ERR] [x.c:f:1] dead\u007F\u009B2J""#),
        format!(r#"{inside},"text":"[janus.plugin.x] [a room] [12:30] {}""#, char::REPLACEMENT_CHARACTER),
        r#""level":"INFO","text":"alone""#.to_owned(),
    ];
    let lines = LINES.lock().expect("lock");
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.iter().zip(expected) {
        let rest = line.strip_prefix(r#"{"time":"20"#).expect("a time");
        let (time, rest) = rest.split_once(r#"","#).expect("more");
        assert_eq!((time.len(), time.ends_with('Z')), (25, true), "{time}");
        assert_eq!(rest, format!("{expected}}}\n"));
    }
}
