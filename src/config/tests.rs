use super::*;

fn jcfg(text: &str) -> Config {
    Config::parse("test.jcfg", text.as_bytes(), &no_include).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn ini(text: &str) -> Config {
    Config::parse("test.cfg", text.as_bytes(), &no_include).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn fault(name: &str, text: &str) -> (usize, &'static str) {
    match Config::parse(name, text.as_bytes(), &no_include) {
        Err(ConfigError::Syntax { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}: {text}"),
    }
}

/// The value of the only item, `a`.
fn value(text: &str) -> String {
    let config = jcfg(&format!("a={text}"));
    config.root.get(Kind::Item, "a").and_then(Node::value).expect("a").to_owned()
}

fn reread(config: &Config) -> Config {
    let text = config.to_text("Thu Jan  1 00:00:00 1970");
    Config::parse(&config.name, text.as_bytes(), &no_include)
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn format_follows_the_name() {
    // HL-001, CP-006
    assert_eq!(Format::of("janus.jcfg"), Format::Jcfg);
    assert_eq!(Format::of("janus.jcfg.old"), Format::Jcfg);
    assert_eq!(Format::of("janus.cfg"), Format::Ini);
    assert_eq!(Format::of("jcfg"), Format::Ini);
}

#[test]
fn scalars_become_text() {
    // HL-004, CP-007, CP-008. The texts were compared with the packaged libconfig and Janus 1.1.2.
    let cases = [
        ("10", "10"),
        ("+5", "5"),
        ("-3", "-3"),
        ("010", "10"),
        ("2147483647", "2147483647"),
        ("-2147483648", "-2147483648"),
        ("5L", "5"),
        ("-5LL", "-5"),
        ("9223372036854775807L", "9223372036854775807"),
        ("0x10", "16"),
        ("0XfF", "255"),
        ("0xFFFFFFFF", "-1"),
        ("0x10LL", "16"),
        ("0xFFFFFFFFL", "4294967295"),
        ("1.5", "1.500000"),
        (".5", "0.500000"),
        ("5.", "5.000000"),
        ("1e5", "100000.000000"),
        ("1.e5", "100000.000000"),
        ("-1.5e-3", "-0.001500"),
        ("1E5", "100000.000000"),
        (".", "0.000000"),
        ("true", "true"),
        ("FALSE", "false"),
        ("tRuE", "true"),
        // Wider than 32 bits without the suffix: newer libconfigs widen, 1.5 wrapped around.
        ("2147483648", "2147483648"),
        ("99999999999999999999", "9223372036854775807"),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn strings_have_escapes_and_join() {
    let cases = [
        (r#""x" "y""#, "xy"),
        ("\"x\"\n#c\n\"y\"", "xy"),
        ("\"x\ny\"", "x\ny"),
        (r#""\n\t\r\f\x41\X42\"\\""#, "\n\t\r\u{c}AB\"\\"),
        (r#""\q\a\v\0""#, r"\q\a\v\0"),
        (r#""\x4""#, r"\x4"),
        (r#""\xZZ""#, r"\xZZ"),
        (r#""\x00z""#, "z"),
        ("\"\u{e9}\"", "\u{e9}"),
        (r##""#x //y /*z""##, "#x //y /*z"),
        (r#""""#, ""),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn separators_and_comments_are_free() {
    let text = "a=1;b:2,c=3 d /*x*/ = /*\n*/ 4 // end\n# line\ne=5f=6\r\ng=1\u{c}h=\"x\"i=7 *j=8 k-l*_m=9 trueb=1 /* open";
    let names: Vec<_> = jcfg(text).root.into_iter().filter_map(|node| node.name).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "*j", "k-l*_m", "trueb"]);
}

#[test]
fn syntax_errors_give_the_line() {
    // HL-003, CP-010
    let texts = [
        "a=;",
        "a",
        "a=1;;",
        "a=1,;",
        "a=[1",
        "a=(1",
        "a={b=1",
        "a=1}",
        "a=[(1)]",
        "a=[{b=1;}]",
        "a=yes",
        "a='x'",
        "a=\"x",
        "a==1",
        "a:=1",
        "{a=1}",
        "1a=1",
        "_a=1",
        "-a=1",
        "a.b=1",
        "true=1",
        "\"a\"=1",
        "a=1=2",
        "a=1,2",
        "a=-",
        "a=+",
        "a=0x",
        "a=- 5",
        "a=-0x10",
        "a=1.5e",
        "a=e5",
        "a=1.5.5",
        "a=truex",
        "\u{e9}=1",
        "a=1/b=2",
        "a=\u{1}",
        "a=1\u{b}b=2",
        "@foo",
        "a=1 @include \"x\"",
        "@include 'x'",
        "@include",
    ];
    for text in texts {
        assert_eq!(fault("x.jcfg", text), (1, "syntax error"), "{text}");
    }
    assert_eq!(fault("x.jcfg", "a=1;\nb=\n"), (3, "syntax error"));
    assert_eq!(fault("x.jcfg", "a=1;\n/* x\n\n*/ b=;"), (4, "syntax error"));
    assert_eq!(fault("x.jcfg", "a=1;\nb=2;\nb=3;"), (3, "duplicate setting name"));
    assert_eq!(fault("x.jcfg", "a=[1\n,2.5]\n\n"), (2, "mismatched element type in array"));
    assert_eq!(fault("x.jcfg", "a=[1,2L]"), (1, "mismatched element type in array"));
    assert_eq!(fault("x.jcfg", "a=1;\n\n @include \"x\""), (3, "cannot open include file"));
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["a=(", "{a=", "a={"] {
        assert_eq!(fault("x.jcfg", &format!("a={}", open.repeat(200_000))).0, 1);
    }
    assert_eq!(fault("x.jcfg", &format!("a={}", "(".repeat(200_000))), (1, "nesting too deep"));
    jcfg(&format!("a={}{}", "(".repeat(90), ")".repeat(90)));
}

#[test]
fn lists_hold_nameless_children() {
    // HL-005, HL-008, CP-009
    let config = jcfg("l = ( 1, \"x\", { b = 1; }, [ 1 ], ( 2 ), ) e=() a=[\"p\",\"p\",]");
    let list = config.root.get(Kind::Array, "L").and_then(Node::children).expect("list");
    let kinds: Vec<_> = list.iter().map(|node| (node.name.clone(), node.kind())).collect();
    let expected = [Kind::Item, Kind::Item, Kind::Category, Kind::Array, Kind::Array];
    assert_eq!(kinds, expected.map(|kind| (None, kind)));
    let array = config.root.get(Kind::Array, "a").and_then(Node::children).expect("array");
    assert_eq!(array.iter().filter_map(Node::value).collect::<Vec<_>>(), ["p", "p"]);
}

#[test]
fn includes_are_spliced_in() {
    let include = |path: &str| match path {
        "x" => Ok(b"x = 1".to_vec()),
        "value" => Ok(b"(1,".to_vec()),
        _ => no_include(path),
    };
    let parse = |text: &str| Config::parse("i.jcfg", text.as_bytes(), &include);
    let config = parse("g={\n\t@include \"x\"\n}\ny=\n@include \"value\"\n2)\n").expect("parses");
    assert_eq!(config.value("g", "x"), Some("1"));
    assert_eq!(config.root.get(Kind::Array, "y").and_then(Node::children).map(Nodes::len), Some(2));
    let endless = Config::parse("i.jcfg", b"@include \"x\"", &|_| Ok(b"@include \"x\"".to_vec()));
    assert!(matches!(endless, Err(ConfigError::Syntax { reason: "include file nesting too deep", .. })));
}

#[test]
fn names_ignore_case_and_the_last_stays() {
    // HL-006, HL-007, CP-014, CP-015, CP-018
    let config = jcfg("general={A=1;a=2;b=3} other=1 General={q=1}");
    assert_eq!(config.value("GENERAL", "Q"), Some("1"));
    assert_eq!(config.value("general", "a"), None);
    assert_eq!(
        config.root.iter().filter_map(|node| node.name.as_deref()).collect::<Vec<_>>(),
        ["other", "General"]
    );
}

#[test]
fn get_minds_the_kind() {
    // CP-016
    let config = jcfg("c={i=1}");
    assert!(config.root.get(Kind::Item, "c").is_none());
    assert!(config.root.get(Kind::Any, "c").is_some());
    assert!(config.category("i").is_none());
}

#[test]
fn remove_takes_the_named_child() {
    // HL-021, CP-019
    let mut config = jcfg("a=1 b=2");
    assert_eq!(config.root.remove("A").and_then(|node| node.name), Some("a".to_owned()));
    assert!(config.root.remove("a").is_none());
    assert_eq!(config.root.len(), 1);
}

#[test]
fn typed_access() {
    // CP-021
    let mut config =
        jcfg("g={yes=\"YES\" on=\"on\" one=1 t=true n=\" -12x\" big=\"99999999999\" l=[\"a\",\"b\"]}");
    assert!(config.is_true("g", "yes") && config.is_true("g", "one") && config.is_true("g", "t"));
    assert!(!config.is_true("g", "on") && !config.is_true("g", "missing"));
    assert_eq!(config.int("g", "n"), Some(-12));
    assert_eq!(config.int("g", "on"), Some(0));
    assert_eq!(config.int("g", "big"), Some(i32::MAX));
    assert_eq!(config.int("g", "missing"), None);
    assert_eq!(config.list("g", "l"), Some(vec!["a", "b"]));
    assert_eq!(config.list("g", "one"), None);
    config.set("G", "ONE", "2");
    config.set("new", "x", "y");
    assert_eq!(config.value("g", "one"), Some("2"));
    assert_eq!(config.categories().map(|(name, _)| name).collect::<Vec<_>>(), ["g", "new"]);
    assert_eq!(config.items("new").collect::<Vec<_>>(), [("x", "y")]);
}

#[test]
fn ini_rules() {
    // HL-011 … HL-014, CP-011, CP-012, CP-014; compared with Janus 1.1.2.
    let config = ini(concat!(
        "root = 1\n[cat]   ; comment\nk = v ; c\nk2 => v2\nk3 = a\\;b;c\nempty =\n# hash = 1\nK = again\nsp ace = with  blanks  \n",
        "[other] trailing\nx = y = z\n [ sp ] \r\nm=>>x\n\\; z = \\;\\;;\\;\n"
    ));
    assert_eq!(config.root.get(Kind::Item, "root").and_then(Node::value), Some("1"));
    let cat: Vec<_> = config.items("cat").collect();
    let expected = [
        ("k2", "v2"),
        ("k3", "a;b"),
        ("empty", ""),
        ("# hash", "1"),
        ("K", "again"),
        ("sp ace", "with  blanks"),
    ];
    assert_eq!(cat, expected);
    assert_eq!(config.items("other").collect::<Vec<_>>(), [("x", "y = z")]);
    assert_eq!(config.items("sp").collect::<Vec<_>>(), [("m", ">x"), ("; z", ";;")]);
    let again = ini("[a]\nx=1\n[A]\ny=2\n");
    assert_eq!(again.items("a").collect::<Vec<_>>(), [("y", "2")]);
}

#[test]
fn ini_errors() {
    // HL-012, CP-012, CP-013
    assert_eq!(fault("x.cfg", "[a]\nk =>\n"), (2, "no value"));
    assert_eq!(fault("x.cfg", "[a\nk=1\n"), (1, "syntax error"));
    assert_eq!(fault("x.cfg", "[a]\nfoo\n"), (2, "syntax error"));
    assert_eq!(fault("x.cfg", "[a]\n= 1\n"), (2, "no name"));
    assert_eq!(fault("x.cfg", "[ ]\n"), (1, "no name"));
}

#[test]
fn missing_file() {
    // HL-002
    let error = Config::parse_file(Path::new("/nonexistent/x.jcfg")).expect_err("no such file");
    assert!(matches!(&error, ConfigError::Read { name, .. } if name == "x.jcfg"), "{error}");
}

/// A tree with all that the formats can and cannot hold.
fn built(name: &str) -> Config {
    let mut config = Config::new(name);
    config.root.add(Node::item(Some("a"), "x;y\\z\"q\n\u{1}\u{7f}\u{e9}"));
    let cat = config.category_mut("cat");
    cat.add(Node::item(Some("k"), "v"));
    let sub = cat.add(Node::category(Some("sub"))).children_mut().expect("sub");
    sub.add(Node::item(Some("s1"), "v1"));
    let arr = cat.add(Node::array(Some("arr"))).children_mut().expect("arr");
    arr.add(Node::item(None, "e1"));
    arr.add(Node::item(None, "e2"));
    let group = arr.add(Node::category(None)).children_mut().expect("group");
    group.add(Node::item(Some("in"), "1"));
    let inner = arr.add(Node::array(None)).children_mut().expect("inner");
    inner.add(Node::item(None, "deep"));
    config.root.add(Node::item(Some("last"), "L"));
    config.category_mut("empty");
    config.root.add(Node::array(Some("emptya")));
    config
}

#[test]
fn saved_jcfg_is_libconfigs_layout() {
    // HL-016, HL-017; the text is what Janus 1.1.2 saves for this tree.
    let text = built("foo.jcfg").to_text("Fri Nov 20 10:59:55 2026");
    let expected = concat!(
        "#\n# File automatically generated on Fri Nov 20 10:59:55 2026\n#\n\n",
        "a = \"x;y\\\\z\\\"q\\n\\x01\u{7f}\u{e9}\";\n",
        "cat : \n{\n  k = \"v\";\n  sub : \n  {\n    s1 = \"v1\";\n  };\n",
        "  arr = ( \"e1\", \"e2\", \n    {\n      in = \"1\";\n    }, ( \"deep\" ) );\n};\n",
        "last = \"L\";\nempty : \n{\n};\nemptya = ( );\n"
    );
    assert_eq!(text, expected);
    assert_eq!(reread(&built("foo.jcfg")), built("foo.jcfg")); // HL-019
}

#[test]
fn names_the_grammar_cannot_hold_are_left_out() {
    let mut config = jcfg("ok=1");
    for name in ["bad name", "true", "1a", "", "\u{e9}"] {
        config.root.add(Node::item(Some(name), "x"));
    }
    config.root.add(Node::item(None, "nameless"));
    assert_eq!(
        reread(&config).root.iter().filter_map(|node| node.name.as_deref()).collect::<Vec<_>>(),
        ["ok"]
    );
}

#[test]
fn saved_ini_drops_what_it_cannot_hold() {
    // As Janus 1.1.2, but root items first and line ends in values as blanks.
    let text = built("foo.cfg").to_text("Fri Nov 20 10:59:55 2026");
    let expected = concat!(
        ";\n; File automatically generated on Fri Nov 20 10:59:55 2026\n;\n\n",
        "a = x\\;y\\z\"q \u{1}\u{7f}\u{e9}\nlast = L\n[cat]\nk = v\ns1 = v1\n\r\n[empty]\n\r\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn save_appends_the_extension() {
    // HL-015, HL-018, CP-020
    let folder = std::env::temp_dir().join(format!("janus-rs-config-{}", std::process::id()));
    let config = jcfg("a=1");
    config.save(Some(&folder.join("new")), "rooms", "now").expect("saves");
    let read = Config::parse_file(&folder.join("new/rooms.jcfg")).expect("parses");
    assert_eq!(read.root, config.root);
    assert!(matches!(config.save(Some(Path::new("/proc/nope")), "x", "now"), Err(SaveError::Folder(_))));
    assert!(matches!(config.save(Some(Path::new("/proc")), "x", "now"), Err(SaveError::File(_))));
    fs::remove_dir_all(&folder).expect("cleans up");
}

#[test]
fn prints_like_the_reference() {
    // HL-020
    let lines = jcfg("a=1 g={h=\"1\" i={}} l=(1,{b=1},[2])").lines().join("\n");
    let expected = concat!(
        "[test.jcfg]\n    a: 1\n    g: {\n        h: 1\n        i: {\n        }\n    }\n    l: [\n        1\n",
        "        {\n            b: 1\n        }\n        [\n            2\n        ]\n    ]"
    );
    assert_eq!(lines, expected);
    assert_eq!(Config::new("").lines(), ["[??]"]);
}

/// The configurations of the corpus and, where the package is installed, its samples.
fn samples() -> Vec<std::path::PathBuf> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/config");
    [corpus, "/etc/janus"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "jcfg" || extension == "cfg"))
        .collect()
}

#[test]
fn samples_survive_saving() {
    // HL-019
    let samples = samples();
    assert!(samples.len() >= 4, "{samples:?}");
    for path in samples {
        // Debian's sample has two strings without quotes, which libconfig refuses too, at the same line.
        if path.ends_with("etc/janus/janus.transport.mqtt.jcfg") {
            continue;
        }
        let config = Config::parse_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!config.root.is_empty(), "{}", path.display());
        assert_eq!(reread(&config), config, "{}", path.display());
    }
}

#[test]
fn corpus_reads_as_written() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config");
    let all = Config::parse_file(&corpus.join("all-values.jcfg")).expect("parses");
    assert_eq!(all.value("general", "joined"), Some("one, two"));
    assert_eq!(all.value("general", "not_an_escape"), Some(r"C:\quiet"));
    let include = Config::parse_file(&corpus.join("include.jcfg")).expect("finds the part beside the file");
    assert_eq!(include.value("group", "shared"), Some("from the included file"));
    let plain = Config::parse_file(&corpus.join("plain.cfg")).expect("parses");
    assert_eq!(plain.value("general", "secret"), Some("semi;colon"));
}

#[test]
fn damaged_samples_do_not_panic() {
    for path in samples() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).expect("reads");
        for at in (0..text.len()).step_by(41) {
            let _ = Config::parse(&name, &text[..at], &no_include);
            let mut damaged = text[at..text.len().min(at + 200)].to_vec();
            damaged[0] = damaged[0].wrapping_add(at as u8);
            let _ = Config::parse(&name, &damaged, &no_include);
        }
    }
}
