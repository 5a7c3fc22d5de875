//! `server_info`: what this server is and can (control-plane.md §3.3).

use crate::core::Core;
use crate::json::Json;
use crate::modules::host::ModuleInfo;
use crate::options::Shown;
use std::sync::atomic::Ordering;

/// With the transaction of the request; without one for the `started` event.
pub fn server_info(core: &Core, transaction: Option<&str>) -> Json {
    let info = Json::object().with("janus", "server_info").with_some("transaction", transaction);
    add_identity(&info, core);
    add_general(&info, core);
    add_media(&info, core);
    add_features(&info, core);
    add_options(&info, core);
    add_modules(&info, core);
    info
}

fn add_identity(info: &Json, core: &Core) {
    let facts = &core.settings.facts;
    info.set("name", "Janus WebRTC Server")
        .set("version", facts.version)
        .set("version_string", facts.version_string.as_str())
        // The only members by which a client can tell.
        .set("implementation", "janus-rs")
        .set("implementation_version", env!("CARGO_PKG_VERSION"))
        .set("author", "Meetecho s.r.l.")
        .set("commit-hash", facts.commit_hash.as_str())
        .set("compile-time", facts.compile_time.as_str())
        .set("log-to-stdout", facts.log_to_stdout)
        .set("log-to-file", facts.log_to_file.is_some())
        .set_some("log-path", facts.log_to_file.as_deref());
}

fn add_general(info: &Json, core: &Core) {
    let (settings, facts) = (&core.settings, &core.settings.facts);
    info.set("data_channels", true)
        .set("accepting-new-sessions", core.live.accepting_sessions.load(Ordering::Relaxed))
        .set("session-timeout", core.live.session_timeout.load(Ordering::Relaxed))
        .set("reclaim-session-timeout", settings.reclaim_session_timeout)
        .set("candidates-timeout", settings.candidates_timeout)
        .set("server-name", settings.server_name.as_str())
        .set("local-ip", core.local_ip())
        .set_some("public-ip", facts.public_ips.first());
    if facts.public_ips.len() > 1 {
        info.set("public-ips", facts.public_ips.iter().collect::<Json>());
    }
    info.set("ipv6", facts.ipv6);
    if facts.ipv6 {
        info.set("ipv6-link-local", facts.ipv6_link_local);
    }
}

fn add_media(info: &Json, core: &Core) {
    let (settings, facts, media) = (&core.settings, &core.settings.facts, &core.settings.media);
    info.set("ice-lite", media.ice_lite)
        .set("ice-tcp", media.ice_tcp)
        .set("ice-nomination", if media.regular_nomination { "regular" } else { "aggressive" })
        .set("ice-consent-freshness", media.ice_consent_freshness)
        .set("ice-keepalive-conncheck", media.ice_keepalive_conncheck)
        .set("hangup-on-failed", media.hangup_on_failed)
        .set("full-trickle", settings.full_trickle)
        .set("mdns-enabled", !media.ignore_mdns)
        .set("min-nack-queue", core.live.min_nack_queue.load(Ordering::Relaxed))
        .set("nack-optimizations", core.live.nack_optimizations.load(Ordering::Relaxed))
        .set("twcc-period", media.twcc_period_ms)
        .set_some("dscp", (media.dscp > 0).then_some(media.dscp))
        .set("dtls-mtu", media.dtls_mtu)
        .set_some("stun-server", facts.stun_server.as_deref())
        .set_some("turn-server", facts.turn_server.as_deref())
        .set_some("allow-force-relay", settings.allow_force_relay.then_some(true));
}

fn add_features(info: &Json, core: &Core) {
    let settings = &core.settings;
    info.set("static-event-loops", settings.event_loops);
    if settings.event_loops > 0 {
        info.set("loop-indication", settings.allow_loop_indication);
    }
    info.set("api_secret", core.auth.secret_needed())
        .set("auth_token", core.auth.token_needed())
        .set("event_handlers", core.notifier.is_enabled())
        .set("opaqueid_in_api", settings.opaque_id_in_api)
        .set_some("webrtc_encryption", (!settings.media.webrtc_encryption).then_some(false));
}

fn add_options(info: &Json, core: &Core) {
    for (member, value) in &core.settings.shown {
        match value {
            Shown::Flag(value) => info.set(member, *value),
            Shown::Number(value) => info.set(member, *value),
            Shown::Text(value) => info.set(member, value.as_str()),
        };
    }
}

fn add_modules(info: &Json, core: &Core) {
    if !core.settings.hide_dependencies {
        let dependencies = Json::object();
        for (name, version) in &core.settings.facts.dependencies {
            dependencies.set(name, version.as_str());
        }
        info.set("dependencies", dependencies);
    }
    info.set("transports", modules(core.transports.infos()))
        .set("events", modules(core.event_handlers.infos()))
        .set("loggers", modules(core.loggers.infos()))
        .set("plugins", modules(core.plugins.infos()));
}

fn modules(infos: Vec<ModuleInfo>) -> Json {
    let all = Json::object();
    for info in infos {
        let module = Json::object()
            .with_some("name", info.name)
            .with_some("author", info.author)
            .with_some("description", info.description)
            .with_some("version_string", info.version_string)
            .with("version", info.version);
        all.set(&info.package, module);
    }
    all
}
