//! What arrives on a port before it is known whose it is; an ICE agent behind it; and candidates as text.
#![no_main]

use janus_rs::media::ice::{Agent, AgentConfig, Path, candidate, stun};
use janus_rs::media::{IceCredentials, IceRole};
use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fuzz_target!(|data: &[u8]| {
    stun::kind(data);
    stun::owner(data);
    stun::request_transaction(data);
    let text = String::from_utf8_lossy(data);
    let parsed = candidate::parse(&text, true);
    let mut agent = agent();
    let mut now = Instant::now();
    if let Ok(candidate::Parsed::Candidate(found)) = parsed {
        let again = candidate::parse(&candidate::format(&found), true);
        assert!(again.is_ok(), "{found:?}");
        agent.add_remote(found);
    }
    agent.start(now);
    let path = Path::udp(address(1000), address(2000));
    agent.handle(now, path, data);
    for _ in 0..20 {
        now += Duration::from_millis(500);
        agent.handle_timeout(now);
        while agent.poll_transmit().is_some() {}
        while agent.poll_event().is_some() {}
    }
    agent.describe(path);
});

fn agent() -> Agent {
    let credentials = || IceCredentials { ufrag: "abcd".into(), pwd: "0123456789012345678901".into() };
    let mut agent = Agent::new(AgentConfig {
        credentials: credentials(),
        role: IceRole::Controlled,
        lite: false,
        consent_freshness: true,
        addresses: vec![address(1000)],
        tcp: vec![address(1000)],
        relayed: Some(address(3000)),
    });
    agent.set_remote(credentials(), false);
    agent
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
