//! Man pages and completions, from the definitions of the command line: docs/man and completions.

use super::commands::described;
use clap::Command;
use clap_complete::Shell;
use std::path::Path;

fn page(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .source(concat!("janus-rs ", env!("CARGO_PKG_VERSION")))
        .manual("janus-rs")
        .date("")
        .render(&mut page)
        .unwrap();
    page
}

/// Path and content of each.
fn all() -> Vec<(String, Vec<u8>)> {
    let mut whole = described();
    whole.build();
    let mut files = vec![("docs/man/janus-rs.1".to_owned(), page(&whole))];
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("janus-rs-{}", command.get_name());
        let path = format!("docs/man/{name}.1");
        files.push((path, page(&command.clone().name(&*name.leak()))));
    }
    for (shell, file) in
        [(Shell::Bash, "janus-rs.bash"), (Shell::Zsh, "_janus-rs"), (Shell::Fish, "janus-rs.fish")]
    {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut described(), "janus-rs", &mut text);
        files.push((format!("completions/{file}"), text));
    }
    files
}

#[test]
fn they_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, content) in all() {
        let path = root.join(&name);
        if std::env::var_os("JANUS_RS_WRITE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &content).unwrap();
        }
        let written = std::fs::read(&path).unwrap_or_default();
        assert!(written == content, "{name} is old: JANUS_RS_WRITE=1 cargo test --lib pages");
    }
}

#[test]
fn definitions_are_sound() {
    described().debug_assert();
}
