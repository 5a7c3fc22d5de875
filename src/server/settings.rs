//! From the configuration (control-plane.md §1.4) to what the core and the engine want to know. Values that make no
//! sense are warned about and ignored; an error is fatal.
#![forbid(unsafe_code)]

use super::addresses::{self, Interface};
use crate::config::{Config, atoi};
use crate::core::settings::{Facts, LogControls, Settings};
use crate::media::EngineConfig;
use crate::util::network;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The whole of it. May block while host names are resolved.
pub fn settings(
    config: &Config,
    interfaces: &[Interface],
    facts: Facts,
    log: Arc<dyn LogControls>,
) -> Result<Settings, String> {
    let (local_ip, guessed) = addresses::local(config, interfaces);
    if guessed {
        tracing::warn!("No local address found: using {local_ip}");
    }
    let text = |category, item| config.value(category, item).map(str::to_owned);
    let is = |category, item| config.is_true(category, item);
    let media = media(config, interfaces)?;
    check_turn(config)?;
    let events = is("events", "broadcast");
    let ipv6 = is("media", "ipv6");
    Ok(Settings {
        server_name: text("general", "server_name").unwrap_or_else(|| "MyJanusInstance".into()),
        session_timeout: at_least(config, "general", "session_timeout", 0).unwrap_or(60),
        reclaim_session_timeout: at_least(config, "general", "reclaim_session_timeout", 0).unwrap_or(0),
        candidates_timeout: at_least(config, "general", "candidates_timeout", 1).unwrap_or(45),
        api_secret: text("general", "api_secret"),
        admin_secret: text("general", "admin_secret"),
        token_auth: is("general", "token_auth"),
        token_auth_secret: text("general", "token_auth_secret"),
        opaque_id_in_api: is("general", "opaqueid_in_api"),
        hide_dependencies: is("general", "hide_dependencies"),
        task_pool_size: at_least(config, "general", "task_pool_size", 1).unwrap_or(0) as usize,
        event_loops: at_least(config, "general", "event_loops", 1).unwrap_or(0) as usize,
        allow_loop_indication: config.value("general", "event_loops").is_some()
            && is("general", "allow_loop_indication"),
        events,
        combine_media_stats: events && is("events", "combine_media_stats"),
        full_trickle: is("nat", "full_trickle"),
        allow_force_relay: is("nat", "allow_force_relay"),
        facts: Facts {
            local_ip: local_ip.to_string(),
            public_ips: media.nat_1_1_mapping.iter().map(IpAddr::to_string).collect(),
            ipv6,
            ipv6_link_local: ipv6 && is("media", "ipv6_linklocal"),
            stun_server: media.stun_server.map(|s| s.to_string()),
            ..facts
        },
        media,
        log,
    })
}

/// The item as a number, when it is one of at least `least`; what is smaller is ignored (CP-026, CP-027).
fn at_least(config: &Config, category: &str, item: &str, least: i32) -> Option<u32> {
    let value = config.int(category, item)?;
    if value < least {
        tracing::warn!("Ignoring {category}.{item}: {value}");
        return None;
    }
    u32::try_from(value).ok()
}

fn media(config: &Config, interfaces: &[Interface]) -> Result<EngineConfig, String> {
    let defaults = EngineConfig::default();
    let is = |category, item| config.is_true(category, item);
    let number = |item, least| at_least(config, "media", item, least);
    let dscp = number("dscp", 0).or_else(|| number("dscp_tos", 0)).unwrap_or(0);
    let consent_freshness = is("nat", "ice_consent_freshness");
    Ok(EngineConfig {
        workers: at_least(config, "general", "event_loops", 1).map(|n| n as usize),
        rtp_port_range: config.value("media", "rtp_port_range").map_or((0, 0), port_range),
        addresses: addresses::choose(config, interfaces),
        nat_1_1_mapping: nat_1_1(config),
        keep_private_host: is("nat", "keep_private_host"),
        stun_server: stun_server(config)?,
        ice_lite: is("nat", "ice_lite"),
        ice_tcp: is("nat", "ice_tcp"),
        regular_nomination: config
            .value("nat", "ice_nomination")
            .is_some_and(|v| v.eq_ignore_ascii_case("regular")),
        ice_consent_freshness: consent_freshness,
        ice_keepalive_conncheck: consent_freshness || is("nat", "ice_keepalive_conncheck"),
        hangup_on_failed: is("nat", "hangup_on_failed"),
        ignore_mdns: is("nat", "ignore_mdns"),
        dscp: u8::try_from(dscp).unwrap_or(0),
        dtls_mtu: number("dtls_mtu", 1).and_then(|n| u16::try_from(n).ok()).unwrap_or(defaults.dtls_mtu),
        dtls_ciphers: config.value("certificates", "dtls_ciphers").map(str::to_owned),
        dtls_accept_selfsigned: config
            .value("certificates", "dtls_accept_selfsigned")
            .is_none_or(crate::config::is_true),
        rsa_private_key: is("certificates", "rsa_private_key"),
        certificate: certificate(config)?,
        webrtc_encryption: !is("general", "no_webrtc_encryption"),
        // CP-028
        min_nack_queue: number("min_nack_queue", 0).map_or(defaults.min_nack_queue, |n| n.min(1000) as u16),
        nack_optimizations: is("media", "nack_optimizations"),
        no_media_timer: number("no_media_timer", 0).unwrap_or(defaults.no_media_timer),
        slowlink_threshold: number("slowlink_threshold", 0).unwrap_or(defaults.slowlink_threshold),
        // CP-029
        twcc_period_ms: number("twcc_period", 1).unwrap_or(defaults.twcc_period_ms),
        stats_period: if is("events", "broadcast") {
            at_least(config, "events", "stats_period", 0).unwrap_or(defaults.stats_period)
        } else {
            0
        },
    })
}

/// `min-max`, swapped when reversed; a maximum of 0, or none, is 65535 (CP-030).
fn port_range(text: &str) -> (u16, u16) {
    let (min, max) = text.split_once('-').unwrap_or(("0", "0"));
    let port = |text: &str| u16::try_from(atoi(text)).unwrap_or(0);
    let (min, max) = (port(min.trim()), port(max.trim()));
    match (min.min(max), min.max(max)) {
        _ if max == 0 => (min, u16::MAX),
        range => range,
    }
}

fn nat_1_1(config: &Config) -> Vec<IpAddr> {
    let parse = |name: String| {
        let address = name.parse();
        if address.is_err() {
            tracing::warn!("Ignoring nat_1_1_mapping {name}: no address");
        }
        address.ok()
    };
    addresses::names(config.value("nat", "nat_1_1_mapping").unwrap_or_default())
        .into_iter()
        .filter_map(parse)
        .collect()
}

/// Non-numeric ports are 0, as `strtol` reads them; out of range there is none (CP-033).
fn port(config: &Config, item: &str) -> Option<u16> {
    config.value("nat", item).map_or(Some(3478), |text| u16::try_from(atoi(text)).ok())
}

/// The STUN server's address; none without one, or with a port that cannot be. An error ends the start: its name does not
/// resolve (CP-033, CP-034).
fn stun_server(config: &Config) -> Result<Option<SocketAddr>, String> {
    let Some(host) = config.value("nat", "stun_server") else { return Ok(None) };
    let Some(port) = port(config, "stun_port") else {
        tracing::warn!("Invalid stun_port: not using the STUN server");
        return Ok(None);
    };
    match network::resolve(host) {
        Some(address) => Ok(Some((address, port).into())),
        None => unreachable_server(config, format!("cannot resolve STUN server {host}")).map(|()| None),
    }
}

/// There are no relayed candidates; the checks of the reference remain (CP-035, CP-036).
fn check_turn(config: &Config) -> Result<(), String> {
    if let Some(url) = config.value("nat", "turn_rest_api") {
        let known = ["http://", "https://"].iter().any(|scheme| url.to_ascii_lowercase().starts_with(scheme));
        if !known {
            return Err(format!("turn_rest_api {url} is no HTTP address"));
        }
        tracing::warn!("turn_rest_api is not supported: no TURN server is asked for");
    }
    let Some(host) = config.value("nat", "turn_server") else { return Ok(()) };
    let kind = config.value("nat", "turn_type").unwrap_or("udp");
    if !["udp", "tcp", "tls"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return unreachable_server(config, format!("unknown turn_type {kind}"));
    }
    if network::resolve(host).is_none() {
        return unreachable_server(config, format!("cannot resolve TURN server {host}"));
    }
    tracing::warn!("TURN is not supported: {host} is not used, there are no relayed candidates");
    Ok(())
}

/// Fatal, unless the configuration says that it is not.
fn unreachable_server(config: &Config, why: String) -> Result<(), String> {
    if config.is_true("nat", "ignore_unreachable_ice_server") {
        tracing::warn!("{why}: not using it");
        return Ok(());
    }
    Err(why)
}

/// PEM texts of certificate and key, and the key's password. The key may be in the certificate's file.
fn certificate(config: &Config) -> Result<Option<(String, String, Option<String>)>, String> {
    let Some(path) = config.value("certificates", "cert_pem") else { return Ok(None) };
    let read = |path: &str| std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"));
    let certificate = read(path)?;
    let key = config.value("certificates", "cert_key").map_or_else(|| Ok(certificate.clone()), read)?;
    Ok(Some((certificate, key, config.value("certificates", "cert_pwd").map(str::to_owned))))
}

/// The number of `debug_level`: digits, else the default; at most 7 (CP-038).
pub fn debug_level(text: &str) -> i32 {
    match text.trim().parse::<i64>() {
        Ok(level) => level.clamp(0, 7) as i32,
        Err(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(items: &[(&str, &str, &str)]) -> Config {
        let mut config = Config::new("janus.jcfg");
        for (category, item, value) in items {
            config.set(category, item, value);
        }
        config
    }

    fn read(items: &[(&str, &str, &str)]) -> Result<Settings, String> {
        let log = Settings::default().log;
        settings(&config(items), &[], Facts::default(), log)
    }

    // CP-026 … CP-030, CP-022 (the folded values arrive)
    #[test]
    fn numbers_and_their_limits() {
        let none = read(&[]).unwrap();
        assert_eq!((none.session_timeout, none.candidates_timeout, none.media.min_nack_queue), (60, 45, 200));
        let odd = read(&[
            ("general", "session_timeout", "-5"),
            ("general", "candidates_timeout", "0"),
            ("media", "min_nack_queue", "5000"),
            ("media", "twcc_period", "0"),
        ])
        .unwrap();
        assert_eq!((odd.session_timeout, odd.candidates_timeout), (60, 45));
        assert_eq!((odd.media.min_nack_queue, odd.media.twcc_period_ms), (1000, 200));
        assert_eq!(read(&[("general", "session_timeout", "0")]).unwrap().session_timeout, 0);
        assert_eq!(port_range("200-100"), (100, 200));
        assert_eq!(port_range("abc"), (0, 65535));
        assert_eq!(port_range("10000-0"), (10000, 65535));
    }

    // CP-033 … CP-036
    #[test]
    fn ice_servers() {
        let stun = ("nat", "stun_server", "no.such.name.invalid");
        assert!(read(&[stun]).is_err());
        assert!(
            read(&[stun, ("nat", "ignore_unreachable_ice_server", "true")])
                .unwrap()
                .media
                .stun_server
                .is_none()
        );
        let literal = ("nat", "stun_server", "192.0.2.1");
        assert_eq!(read(&[literal]).unwrap().media.stun_server, "192.0.2.1:3478".parse().ok());
        assert_eq!(read(&[literal, ("nat", "stun_port", "70000")]).unwrap().media.stun_server, None);
        assert!(read(&[("nat", "turn_server", "192.0.2.1"), ("nat", "turn_type", "foo")]).is_err());
        assert!(read(&[("nat", "turn_rest_api", "ftp://x")]).is_err());
    }

    // CP-038
    #[test]
    fn debug_levels() {
        assert_eq!(["3", "9", "loud", "-1"].map(debug_level), [3, 7, 4, 0]);
    }
}
