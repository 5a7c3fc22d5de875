//! From the configuration (control-plane.md §1.4) to what the core and the engine want to know. Values that make no
//! sense are warned about and ignored; an error is fatal.
#![forbid(unsafe_code)]

use super::addresses;
use super::error::OptionError;
use super::turn;
use crate::config::{Config, atoi};
use crate::core::settings::{Facts, LogControls, Settings};
use crate::media::EngineConfig;
use crate::net::Interface;
use crate::options::{self, Opt, Text};
use crate::util::network;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The whole of it. May block while host names are resolved.
pub fn settings(
    config: &Config,
    interfaces: &[Interface],
    facts: Facts,
    log: Arc<dyn LogControls>,
) -> Result<Settings, OptionError> {
    let (local_ip, guessed) = addresses::local(config, interfaces);
    if guessed {
        tracing::warn!("No local address found: using {local_ip}");
    }
    let text = |option: Opt<Text>| option.of(config).map(str::to_owned);
    let media = media(config, interfaces)?;
    let events = options::EVENTS_BROADCAST.of(config);
    let ipv6 = options::IPV6.of(config);
    Ok(Settings {
        server_name: text(options::SERVER_NAME).unwrap_or_default(),
        session_timeout: options::SESSION_TIMEOUT.of(config),
        reclaim_session_timeout: options::RECLAIM_SESSION_TIMEOUT.of(config),
        candidates_timeout: options::CANDIDATES_TIMEOUT.of(config),
        api_secret: text(options::API_SECRET),
        admin_secret: text(options::ADMIN_SECRET),
        token_auth: options::TOKEN_AUTH.of(config),
        token_auth_secret: text(options::TOKEN_AUTH_SECRET),
        opaque_id_in_api: options::OPAQUEID_IN_API.of(config),
        hide_dependencies: options::HIDE_DEPENDENCIES.of(config),
        task_pool_size: options::TASK_POOL_SIZE.of(config) as usize,
        event_loops: options::EVENT_LOOPS.of(config) as usize,
        allow_loop_indication: options::EVENT_LOOPS.written(config).is_some()
            && options::ALLOW_LOOP_INDICATION.of(config),
        events,
        combine_media_stats: events && options::COMBINE_MEDIA_STATS.of(config),
        full_trickle: options::FULL_TRICKLE.of(config),
        allow_force_relay: options::ALLOW_FORCE_RELAY.of(config),
        facts: Facts {
            local_ip: local_ip.to_string(),
            // The last one is told first, and stands in c= lines: as the reference does it.
            public_ips: media.nat_1_1_mapping.iter().rev().map(IpAddr::to_string).collect(),
            ipv6,
            ipv6_link_local: ipv6 && options::IPV6_LINKLOCAL.of(config),
            stun_server: media.stun_server.map(|s| s.to_string()),
            turn_server: media.turn_servers.first().map(|s| s.address.to_string()),
            ..facts
        },
        shown: options::shown(config),
        media,
        log,
        bounds: Default::default(),
    })
}

fn media(config: &Config, interfaces: &[Interface]) -> Result<EngineConfig, OptionError> {
    let defaults = EngineConfig::default();
    let consent_freshness = options::ICE_CONSENT_FRESHNESS.of(config);
    Ok(EngineConfig {
        workers: options::EVENT_LOOPS.given(config).map(|n| n as usize),
        rtp_port_range: options::RTP_PORT_RANGE.of(config).map_or((0, 0), port_range),
        udp_ports: udp_ports(config)?,
        addresses: addresses::to_listen_on(config, interfaces),
        ipv6: options::IPV6.of(config),
        nat_1_1_mapping: addresses::nat_1_1(config),
        keep_private_host: options::KEEP_PRIVATE_HOST.of(config),
        stun_server: stun_server(config)?,
        turn_servers: turn::configured(config)?,
        turn_later: options::TURN_REST_API.of(config).is_some(),
        ice_lite: options::ICE_LITE.of(config),
        ice_tcp: options::ICE_TCP.of(config),
        regular_nomination: options::ICE_NOMINATION
            .of(config)
            .is_some_and(|v| v.eq_ignore_ascii_case("regular")),
        ice_consent_freshness: consent_freshness,
        ice_keepalive_conncheck: consent_freshness || options::ICE_KEEPALIVE_CONNCHECK.of(config),
        hangup_on_failed: options::HANGUP_ON_FAILED.of(config),
        ignore_mdns: options::IGNORE_MDNS.of(config),
        dscp: u8::try_from(options::DSCP.of(config)).unwrap_or(0),
        dtls_mtu: u16::try_from(options::DTLS_MTU.of(config)).unwrap_or(defaults.dtls_mtu),
        dtls_ciphers: options::DTLS_CIPHERS.of(config).map(str::to_owned),
        dtls_accept_selfsigned: options::DTLS_ACCEPT_SELFSIGNED.of(config),
        rsa_private_key: options::RSA_PRIVATE_KEY.of(config),
        certificate: certificate(config)?,
        webrtc_encryption: !options::NO_WEBRTC_ENCRYPTION.of(config),
        // CP-028
        min_nack_queue: options::MIN_NACK_QUEUE.of(config).min(1000) as u16,
        nack_optimizations: options::NACK_OPTIMIZATIONS.of(config),
        no_media_timer: options::NO_MEDIA_TIMER.of(config),
        slowlink_threshold: options::SLOWLINK_THRESHOLD.of(config),
        // CP-029
        twcc_period_ms: options::TWCC_PERIOD.of(config),
        stats_period: if options::EVENTS_BROADCAST.of(config) { options::STATS_PERIOD.of(config) } else { 0 },
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

/// `media.udp_ports`: one port for each media worker.
fn udp_ports(config: &Config) -> Result<Vec<u16>, OptionError> {
    let mut ports = Vec::new();
    for name in options::UDP_PORTS.of(config) {
        match name.parse::<u16>() {
            Ok(port) if port > 0 && !ports.contains(&port) => ports.push(port),
            _ => return Err(OptionError::UdpPort(name.to_owned())),
        }
    }
    Ok(ports)
}

/// Non-numeric ports are 0, as `strtol` reads them; out of range there is none (CP-033).
fn stun_port(config: &Config) -> Option<u16> {
    u16::try_from(atoi(options::STUN_PORT.of(config)?)).ok()
}

/// The STUN server's address; none without one, or with a port that cannot be. An error ends the start: its name does not
/// resolve (CP-033, CP-034).
fn stun_server(config: &Config) -> Result<Option<SocketAddr>, OptionError> {
    let Some(host) = options::STUN_SERVER.of(config) else { return Ok(None) };
    let Some(port) = stun_port(config) else {
        tracing::warn!("Invalid stun_port: not using the STUN server");
        return Ok(None);
    };
    match network::resolve(host) {
        Some(address) => Ok(Some((address, port).into())),
        None => OptionError::Unresolved { kind: "STUN", host: host.to_owned() }
            .unless_ignored(config)
            .map(|()| None),
    }
}

/// PEM texts of certificate and key, and the key's password. The key may be in the certificate's file.
fn certificate(config: &Config) -> Result<Option<(String, String, Option<String>)>, OptionError> {
    let Some(path) = options::CERT_PEM.of(config) else {
        return match options::CERT_KEY.of(config) {
            Some(_) => Err(OptionError::KeyWithoutCertificate),
            None => Ok(None),
        };
    };
    let read = |path: &str| {
        let unreadable = |error| OptionError::Unreadable { path: path.to_owned(), error };
        std::fs::read_to_string(path).map_err(unreadable)
    };
    let certificate = read(path)?;
    let key = options::CERT_KEY.of(config).map_or_else(|| Ok(certificate.clone()), read)?;
    Ok(Some((certificate, key, options::CERT_PWD.of(config).map(str::to_owned))))
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

    fn read(items: &[(&str, &str, &str)]) -> Result<Settings, OptionError> {
        let log = Settings::default().log;
        settings(&config(items), &[], Facts::default(), log)
    }

    // The table and those who work without one agree.
    #[test]
    fn defaults_are_the_same_everywhere() {
        let (none, own) = (read(&[]).unwrap(), Settings::default());
        assert_eq!((none.session_timeout, &none.server_name), (own.session_timeout, &own.server_name));
        assert_eq!(none.candidates_timeout, own.candidates_timeout);
        let with_events = read(&[("events", "broadcast", "yes")]).unwrap().media;
        let numbers = |media: &EngineConfig| {
            (
                media.min_nack_queue,
                media.dtls_mtu,
                media.no_media_timer,
                media.slowlink_threshold,
                media.twcc_period_ms,
            )
        };
        assert_eq!(numbers(&none.media), numbers(&own.media));
        assert_eq!(with_events.stats_period, own.media.stats_period);
        assert_eq!(none.media.dtls_accept_selfsigned, own.media.dtls_accept_selfsigned);
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

    // MP-128
    #[test]
    fn a_key_wants_its_certificate() {
        let refused = read(&[("certificates", "cert_key", "/etc/ssl/key.pem")]).err();
        assert!(matches!(refused, Some(OptionError::KeyWithoutCertificate)));
    }

    const IGNORED: (&str, &str, &str) = ("nat", "ignore_unreachable_ice_server", "true");

    // CP-033 … CP-035
    #[test]
    fn ice_servers() {
        let stun = ("nat", "stun_server", "no.such.name.invalid");
        assert!(read(&[stun]).is_err());
        assert!(read(&[stun, IGNORED]).unwrap().media.stun_server.is_none());
        let literal = ("nat", "stun_server", "192.0.2.1");
        assert_eq!(read(&[literal]).unwrap().media.stun_server, "192.0.2.1:3478".parse().ok());
        assert_eq!(read(&[literal, ("nat", "stun_port", "70000")]).unwrap().media.stun_server, None);
        let relay = ("nat", "turn_server", "192.0.2.1");
        assert!(read(&[relay, ("nat", "turn_type", "foo")]).is_err());
        let unknown = read(&[relay, ("nat", "turn_type", "foo"), IGNORED]).unwrap();
        assert!(unknown.media.turn_servers.is_empty());
        assert!(read(&[("nat", "turn_server", "no.such.name.invalid")]).is_err());
        let media = read(&[relay, ("nat", "turn_type", "TLS"), ("nat", "turn_user", "u")]).unwrap().media;
        let server = &media.turn_servers[0];
        assert_eq!((server.address, server.transport.name()), ("192.0.2.1:3478".parse().unwrap(), "tls"));
        assert_eq!((&*server.username, &**server.password, &*server.host), ("u", "", "192.0.2.1"));
    }

    // CP-038
    #[test]
    fn debug_levels() {
        assert_eq!(["3", "9", "loud", "-1"].map(debug_level), [3, 7, 4, 0]);
    }
}
