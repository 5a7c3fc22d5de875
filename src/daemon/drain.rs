//! `janus-rs drain`: the running server takes no new sessions.
#![forbid(unsafe_code)]

use super::check::Installation;
use super::http::{AskError, Doors};
use crate::json::Json;
use crate::options;
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);

pub fn run(installation: &Installation, wait: bool) -> i32 {
    let doors = match Doors::admin(installation) {
        Ok(doors) => doors,
        Err(why) => {
            eprintln!(
                "janus-rs drain: {why} (admin.admin_http in {0}/janus.transport.http.jcfg, web.admin_port in {0}/janus-rs.jcfg): \
                 cannot ask the server. `systemctl stop` drains by itself with general.shutdown_timeout",
                installation.folder.display()
            );
            return 1;
        }
    };
    let secret = installation.config.as_ref().ok().and_then(|config| options::ADMIN_SECRET.of(config));
    let ask = || {
        let request = Json::object().with("janus", "drain").with("transaction", "drain");
        doors.ask(&request.with_some("admin_secret", secret))
    };
    let mut last = None;
    loop {
        let left = match ask() {
            Ok(answer) => number(&answer, "peerconnections"),
            // It was being waited for, and has ended.
            Err(AskError::Io { .. }) if last.is_some() => {
                println!("the server has ended");
                return 0;
            }
            Err(why) => {
                eprintln!("janus-rs drain: {why}");
                return 1;
            }
        };
        if last != Some(left) {
            println!("no new sessions are taken; {left} PeerConnections");
            last = Some(left);
        }
        if left == 0 || !wait {
            return 0;
        }
        std::thread::sleep(PAUSE);
    }
}

fn number(answer: &Json, name: &str) -> i64 {
    answer.get(name).and_then(|value| value.as_i64()).unwrap_or(0)
}
