//! The options, in the order in which they are documented.

use super::row::{File, Flag, Kind, List, Number, Opt, Row, Text};

/// Declares options, and [`ALL`] of them.
macro_rules! options {
    (named { $($name:ident: $type:ty = $value:expr;)* } unnamed { $($row:expr;)* }) => {
        $(pub const $name: Opt<$type> = $value;)*

        /// Every option.
        pub const ALL: &[Row] = &[$($name.row,)* $($row,)*];
    };
}

/// Known to the reference, and without effect here.
const fn unused(category: &'static str, name: &'static str, help: &'static str) -> Row {
    Row::new(File::Janus, category, name, Kind::Unused, help)
}

/// The kinds of modules, each with its folder and its list of files that are not loaded.
pub struct Modules {
    pub folder: Opt<Text>,
    pub disable: Opt<List>,
}

/// By the name of the kind: `plugins`, `transports`, `events`, `loggers`.
pub fn modules(kind: &str) -> Modules {
    match kind {
        "plugins" => Modules { folder: PLUGINS_FOLDER, disable: PLUGINS_DISABLE },
        "transports" => Modules { folder: TRANSPORTS_FOLDER, disable: TRANSPORTS_DISABLE },
        "events" => Modules { folder: EVENTS_FOLDER, disable: EVENTS_DISABLE },
        _ => Modules { folder: LOGGERS_FOLDER, disable: LOGGERS_DISABLE },
    }
}

options! {
    named {
        PLUGINS_FOLDER: Text =
            Opt::<Text>::janus("general", "plugins_folder", None, "Where plugins are")
                .switch("plugins-folder", 'P');
        TRANSPORTS_FOLDER: Text =
            Opt::<Text>::janus("general", "transports_folder", None, "Where transports are");
        EVENTS_FOLDER: Text =
            Opt::<Text>::janus("general", "events_folder", None, "Where event handlers are");
        LOGGERS_FOLDER: Text = Opt::<Text>::janus("general", "loggers_folder", None, "Where loggers are");
        LOG_TO_STDOUT: Flag = Opt::<Flag>::janus("general", "log_to_stdout", true, "Log to stdout");
        LOG_TO_FILE: Text =
            Opt::<Text>::janus("general", "log_to_file", None, "Append the log to this file")
                .switch("log-file", 'L');
        CRASH_FILE: Text =
            Opt::<Text>::janus("general", "crash_file", None,
                "Append reports of crashes to this file, too; `janus-rs report` shows the last one").since("0.1");
        LOG_ROTATE_SIG: Text =
            Opt::<Text>::janus("general", "log_rotate_sig", None, "Open the log anew on SIGUSR1 or SIGHUP")
                .switch("log-rotate-sig", 'R');
        DEBUG_LEVEL: Number =
            Opt::<Number>::janus("general", "debug_level", 4, 0, "", "0 (nothing) to 7 (everything)")
                .switch("debug-level", 'd').live("set_log_level");
        DEBUG_TIMESTAMPS: Flag =
            Opt::<Flag>::janus("general", "debug_timestamps", false, "Dates in the log")
                .switch("debug-timestamps", 'D').live("set_log_timestamps");
        DEBUG_COLORS: Flag =
            Opt::<Flag>::janus("general", "debug_colors", true, "Colours in the log")
                .switch("disable-colors", 'o').live("set_log_colors");
        DEBUG_LOCKS: Flag =
            Opt::<Flag>::janus("general", "debug_locks", false, "Modules log their locks")
                .switch("debug-locks", 'M').live("set_locking_debug");
        LOG_FORMAT: Text =
            Opt::<Text>::janus("general", "log_format", Some("text"),
                "`text`, or `json`: stdout and the file get one object per line").since("0.1");
        LOG_PREFIX: Text =
            Opt::<Text>::janus("general", "log_prefix", None, "What every line of the log begins with");
        DAEMONIZE: Flag =
            Opt::<Flag>::janus("general", "daemonize", false, "Run in the background")
                .switch("daemon", 'b');
        PID_FILE: Text =
            Opt::<Text>::janus("general", "pid_file", None, "Write the process id to this file")
                .switch("pid-file", 'p');
        CHECK_OPENFILES_LIMIT: Number =
            Opt::<Number>::janus("general", "check_openfiles_limit", 0, 0, "files",
                "Stop when the limit of open files is below this").switch("check-openfiles-limits", 'l');
        API_SECRET: Text =
            Opt::<Text>::janus("general", "api_secret", None, "Secret that requests must carry")
                .switch("apisecret", 'a');
        ADMIN_SECRET: Text =
            Opt::<Text>::janus("general", "admin_secret", None,
                "Secret that requests of the Admin API must carry");
        TOKEN_AUTH: Flag =
            Opt::<Flag>::janus("general", "token_auth", false, "Requests must carry a token")
                .switch("token-auth", 'A');
        TOKEN_AUTH_SECRET: Text =
            Opt::<Text>::janus("general", "token_auth_secret", None, "Tokens are signed with this")
                .long_switch("token-auth-secret");
        INTERFACE: Text =
            Opt::<Text>::janus("general", "interface", None, "Address or device for the SDP")
                .switch("interface", 'i');
        SERVER_NAME: Text =
            Opt::<Text>::janus("general", "server_name", Some("MyJanusInstance"), "Name of this server")
                .switch("server-name", 'n');
        SESSION_TIMEOUT: Number =
            Opt::<Number>::janus("general", "session_timeout", 60, 0, "s",
                "Idle sessions end after this; 0 = never").switch("session-timeout", 's').live("set_session_timeout");
        RECLAIM_SESSION_TIMEOUT: Number =
            Opt::<Number>::janus("general", "reclaim_session_timeout", 0, 0, "s",
                "How long a session whose transport is gone can be claimed").switch("reclaim-session-timeout", 'm');
        CANDIDATES_TIMEOUT: Number =
            Opt::<Number>::janus("general", "candidates_timeout", 45, 1, "s",
                "How long candidates wait for their description");
        RECORDINGS_TMP_EXT: Text = Opt::<Text>::janus("general", "recordings_tmp_ext", None,
            "What the name of a recording ends with while it is being written");
        UMASK: Text =
            Opt::<Text>::janus("general", "umask", None,
                "Octal: permissions that new files do not get; without it, those of who starts the server").since("0.1");
        ANNOUNCE_VERSION: Number =
            Opt::<Number>::janus("general", "announce_version", 1401, 1, "",
                "What `info` says in `version`, for clients that go by it: 1401 is 1.4.1").since("0.1");
        SHUTDOWN_TIMEOUT: Number =
            Opt::<Number>::janus("general", "shutdown_timeout", 0, 0, "s",
                "After SIGTERM or SIGINT take no new sessions, and wait so long for PeerConnections to end").since("0.1");
        EVENT_LOOPS: Number =
            Opt::<Number>::janus("general", "event_loops", 0, 1, "threads",
                "Threads for media; without it, one for each processor");
        ALLOW_LOOP_INDICATION: Flag =
            Opt::<Flag>::janus("general", "allow_loop_indication", false,
                "With event_loops: clients may say which one");
        TASK_POOL_SIZE: Number =
            Opt::<Number>::janus("general", "task_pool_size", 0, 1, "messages",
                "Messages that plugins work on at once; without it, any number");
        OPAQUEID_IN_API: Flag =
            Opt::<Flag>::janus("general", "opaqueid_in_api", false,
                "Events to clients carry the opaque id of their handle");
        HIDE_DEPENDENCIES: Flag =
            Opt::<Flag>::janus("general", "hide_dependencies", false, "`info` names no libraries");
        EXIT_ON_DL_ERROR: Flag =
            Opt::<Flag>::janus("general", "exit_on_dl_error", false,
                "A module that cannot be loaded ends the start");
        NO_WEBRTC_ENCRYPTION: Flag =
            Opt::<Flag>::janus("general", "no_webrtc_encryption", false,
                "Debugging only: media in the clear").switch("no-webrtc-encryption", 'w');
        CERT_PEM: Text =
            Opt::<Text>::janus("certificates", "cert_pem", None,
                "DTLS certificate (PEM); without it, one is made at every start").switch("cert-pem", 'c');
        CERT_KEY: Text =
            Opt::<Text>::janus("certificates", "cert_key", None,
                "DTLS private key (PEM); without it, in the certificate's file").switch("cert-key", 'k');
        CERT_PWD: Text =
            Opt::<Text>::janus("certificates", "cert_pwd", None, "Password of the private key")
                .switch("cert-pwd", 'K');
        DTLS_CIPHERS: Text =
            Opt::<Text>::janus("certificates", "dtls_ciphers", None, "Ciphers of DTLS, in OpenSSL's words");
        DTLS_ACCEPT_SELFSIGNED: Flag =
            Opt::<Flag>::janus("certificates", "dtls_accept_selfsigned", true,
                "Certificates of clients need no authority");
        RSA_PRIVATE_KEY: Flag =
            Opt::<Flag>::janus("certificates", "rsa_private_key", false,
                "The certificate that is made has an RSA key instead of an elliptic one");
        IPV6: Flag =
            Opt::<Flag>::janus("media", "ipv6", false, "IPv6 candidates too")
                .switch("ipv6-candidates", '6');
        IPV6_LINKLOCAL: Flag =
            Opt::<Flag>::janus("media", "ipv6_linklocal", false, "With ipv6: link-local ones, too")
                .switch("ipv6-link-local", 'O');
        MIN_NACK_QUEUE: Number =
            Opt::<Number>::janus("media", "min_nack_queue", 200, 0, "ms",
                "Retransmission buffer, at most 1000").switch("min-nack-queue", 'Q').live("set_min_nack_queue");
        NACK_OPTIMIZATIONS: Flag =
            Opt::<Flag>::janus("media", "nack_optimizations", false,
                "A key frame empties the retransmission buffer").live("set_nack_optimizations");
        RTP_PORT_RANGE: Text =
            Opt::<Text>::janus("media", "rtp_port_range", None, "UDP ports, min-max")
                .switch("rtp-port-range", 'r');
        UDP_PORTS: List =
            Opt::<List>::janus("media", "udp_ports", "In place of the range: the port of each media worker").since("0.1");
        DTLS_MTU: Number =
            Opt::<Number>::janus("media", "dtls_mtu", 1200, 1, "bytes", "Largest datagram of DTLS");
        NO_MEDIA_TIMER: Number =
            Opt::<Number>::janus("media", "no_media_timer", 1, 0, "s",
                "Without media for this long, there is an event; 0 = never").switch("no-media-timer", 't').live("set_no_media_timer");
        SLOWLINK_THRESHOLD: Number =
            Opt::<Number>::janus("media", "slowlink_threshold", 0, 0, "packets/s",
                "From this loss on, plugins hear of a slow link; 0 = never").switch("slowlink-threshold", 'W').live("set_slowlink_threshold");
        TWCC_PERIOD: Number =
            Opt::<Number>::janus("media", "twcc_period", 200, 1, "ms", "Transport-wide feedback every")
                .switch("twcc-period", 'B');
        DSCP: Number =
            Opt::<Number>::janus("media", "dscp", 0, 0, "", "DSCP of media packets; 0 = none")
                .or("dscp_tos");
        STUN_SERVER: Text =
            Opt::<Text>::janus("nat", "stun_server", None, "STUN server that tells our public address");
        STUN_PORT: Text = Opt::<Text>::janus("nat", "stun_port", Some("3478"), "Its port");
        FULL_TRICKLE: Flag =
            Opt::<Flag>::janus("nat", "full_trickle", false, "Trickle our own candidates")
                .switch("full-trickle", 'f');
        ICE_NOMINATION: Text =
            Opt::<Text>::janus("nat", "ice_nomination", Some("aggressive"), "`regular` or `aggressive`");
        ICE_KEEPALIVE_CONNCHECK: Flag =
            Opt::<Flag>::janus("nat", "ice_keepalive_conncheck", false,
                "Connectivity checks keep paths alive");
        ICE_CONSENT_FRESHNESS: Flag =
            Opt::<Flag>::janus("nat", "ice_consent_freshness", false,
                "A PeerConnection without consent ends (RFC 7675)");
        HANGUP_ON_FAILED: Flag =
            Opt::<Flag>::janus("nat", "hangup_on_failed", false,
                "A PeerConnection whose ICE fails ends at once");
        ICE_LITE: Flag = Opt::<Flag>::janus("nat", "ice_lite", false, "ICE lite").switch("ice-lite", 'I');
        ICE_TCP: Flag = Opt::<Flag>::janus("nat", "ice_tcp", false, "ICE over TCP").switch("ice-tcp", 'T');
        IGNORE_MDNS: Flag =
            Opt::<Flag>::janus("nat", "ignore_mdns", false,
                "Candidates of clients that are mDNS names are not looked up");
        NAT_1_1_MAPPING: List =
            Opt::<List>::janus("nat", "nat_1_1_mapping", "Public addresses of this host")
                .switch("nat-1-1", '1');
        KEEP_PRIVATE_HOST: Flag =
            Opt::<Flag>::janus("nat", "keep_private_host", false,
                "With nat_1_1_mapping: advertise the private address too").switch("keep-private-host", '2');
        TURN_SERVER: Text =
            Opt::<Text>::janus("nat", "turn_server", None, "TURN server that relays media (docs/network.md)");
        TURN_PORT: Text = Opt::<Text>::janus("nat", "turn_port", Some("3478"), "Its port");
        TURN_TYPE: Text =
            Opt::<Text>::janus("nat", "turn_type", Some("udp"), "How it is reached: `udp`, `tcp` or `tls`");
        TURN_USER: Text = Opt::<Text>::janus("nat", "turn_user", None, "User name for the TURN server");
        TURN_PWD: Text = Opt::<Text>::janus("nat", "turn_pwd", None, "Password for it");
        TURN_REST_API: Text =
            Opt::<Text>::janus("nat", "turn_rest_api", None,
                "HTTP address that tells TURN servers and credentials, in place of `turn_server`");
        TURN_REST_API_KEY: Text = Opt::<Text>::janus("nat", "turn_rest_api_key", None, "Its key");
        TURN_REST_API_METHOD: Text =
            Opt::<Text>::janus("nat", "turn_rest_api_method", Some("POST"), "`GET` or `POST`");
        TURN_REST_API_TIMEOUT: Number =
            Opt::<Number>::janus("nat", "turn_rest_api_timeout", 10, 1, "s", "How long its answer may take");
        ALLOW_FORCE_RELAY: Flag =
            Opt::<Flag>::janus("nat", "allow_force_relay", false,
                "Clients may ask with `force_relay` for relayed candidates alone");
        ICE_ENFORCE_LIST: List =
            Opt::<List>::janus("nat", "ice_enforce_list", "Only these interfaces or addresses, by prefix")
                .switch("ice-enforce-list", 'E');
        ICE_IGNORE_LIST: List =
            Opt::<List>::janus("nat", "ice_ignore_list", "Not these interfaces or addresses")
                .switch("ice-ignore-list", 'X');
        IGNORE_UNREACHABLE_ICE_SERVER: Flag =
            Opt::<Flag>::janus("nat", "ignore_unreachable_ice_server", false,
                "A STUN server that does not answer does not end the start");
        PLUGINS_DISABLE: List =
            Opt::<List>::janus("plugins", "disable", "Plugins that are not loaded, by file name");
        ABI_GENERATIONS: List =
            Opt::<List>::janus("plugins", "abi_generations",
                "`FILE=GENERATION`: which ABI generation a plugin was compiled for").since("0.1");
        ALIASES: List =
            Opt::<List>::janus("plugins", "aliases", "`FILE=PACKAGE`: another package name for a plugin")
                .since("0.1");
        TRANSPORTS_DISABLE: List =
            Opt::<List>::janus("transports", "disable", "Transports that are not loaded, by file name");
        TRANSPORTS_BUILTIN: Flag =
            Opt::<Flag>::janus("transports", "builtin", false,
                "Serve the APIs at the built-in web server, too; without any transport module, the Janus API is served there unless this says no").since("0.1");
        LOGGERS_DISABLE: List =
            Opt::<List>::janus("loggers", "disable", "Loggers that are not loaded, by file name");
        EVENTS_BROADCAST: Flag =
            Opt::<Flag>::janus("events", "broadcast", false, "Use event handlers")
                .switch("event-handlers", 'e');
        EVENTS_DISABLE: List =
            Opt::<List>::janus("events", "disable", "Event handlers that are not loaded, by file name");
        STATS_PERIOD: Number =
            Opt::<Number>::janus("events", "stats_period", 1, 0, "s", "Media statistics every; 0 = none");
        COMBINE_MEDIA_STATS: Flag =
            Opt::<Flag>::janus("events", "combine_media_stats", false,
                "One event for the statistics of all media of a PeerConnection");
        STALL_LIMIT: Text =
            Opt::<Text>::own("general", "stall_limit", Some("2"),
                "Seconds that a plugin's media callback may keep the other PeerConnections of its worker waiting; 0 = for ever").since("0.1");
        QUEUE_REQUESTS: Number =
            Opt::<Number>::own("queues", "requests", 4096, 1, "",
                "Requests that wait for one handle, one session, or one connection outside sessions; 4 times as many per connection, 16 times in all. More are refused (490)").since("0.1");
        QUEUE_REQUESTS_BYTES: Number =
            Opt::<Number>::own("queues", "requests_bytes", 16 << 20, 1, "bytes",
                "The same in memory").since("0.1");
        QUEUE_EVENTS: Number =
            Opt::<Number>::own("queues", "events", 16384, 1, "",
                "Events that wait for event handlers, a quarter of them of one session. More are dropped and counted").since("0.1");
        QUEUE_EVENTS_BYTES: Number =
            Opt::<Number>::own("queues", "events_bytes", 64 << 20, 1, "bytes",
                "The same in memory").since("0.1");
        QUEUE_NOTIFICATIONS: Number =
            Opt::<Number>::own("queues", "notifications", 16384, 1, "",
                "Events of a plugin to the client of one handle at once, and a sixteenth of them per second. For more, `push_event` fails (490)").since("0.1");
        QUEUE_NOTIFICATIONS_BYTES: Number =
            Opt::<Number>::own("queues", "notifications_bytes", 16 << 20, 1, "bytes",
                "The same in memory").since("0.1");
        QUEUE_CHANGES: Number =
            Opt::<Number>::own("queues", "changes", 1024, 1, "",
                "Descriptions and candidates of one PeerConnection that wait for its media worker. More are refused (490)").since("0.1");
        QUEUE_CHANGES_BYTES: Number =
            Opt::<Number>::own("queues", "changes_bytes", 4 << 20, 1, "bytes",
                "The same in memory").since("0.1");
        WEB_ENABLED: Flag =
            Opt::<Flag>::own("web", "enabled", false,
                "Serve the pages, `/healthz`, `/metrics`, `/status`, and where `transports.builtin` says so the Janus API: `/janus` over HTTP, any path over WebSocket. \
                 Without this line, as soon as the Janus API is served there")
                .since("0.1");
        WEB_IP: Text =
            Opt::<Text>::own("web", "ip", Some("0.0.0.0"), "Address of the web server")
                .since("0.1");
        WEB_PORT: Text =
            Opt::<Text>::own("web", "port", Some("8090"), "Port of the web server")
                .since("0.1");
        WEB_ROOT: Text =
            Opt::<Text>::own("web", "root", None,
                "Folder of the pages, beside this file if the path is relative; without it, those that are part of the library")
                .since("0.1");
        WEB_UNIX: Text =
            Opt::<Text>::own("web", "unix", None, "A Unix socket where the same is served; beside this file if the path is relative")
                .since("0.1");
        WEB_TLS_CERT: Text =
            Opt::<Text>::own("web", "tls_cert", None,
                "Certificate for TLS (PEM), beside this file if the path is relative. When it is not there, one is made, kept there, \
                 and used again. Without this line there is no TLS; with it only this host is served without")
                .since("0.1");
        WEB_TLS_KEY: Text =
            Opt::<Text>::own("web", "tls_key", None, "Its private key (PEM); without it, in the certificate's file")
                .since("0.1");
        WEB_ADMIN_IP: Text =
            Opt::<Text>::own("web", "admin_ip", Some("127.0.0.1"), "Address of the Admin API")
                .since("0.1");
        WEB_ADMIN_PORT: Text =
            Opt::<Text>::own("web", "admin_port", None,
                "Port of the Admin API, which is never served without `admin_secret`: `/admin` over HTTP, any path over WebSocket. Without this line there is none")
                .since("0.1");
        WEB_ADMIN_UNIX: Text =
            Opt::<Text>::own("web", "admin_unix", None, "A Unix socket for the Admin API")
                .since("0.1");
        WEB_ORIGINS: List =
            Opt::<List>::own("web", "origins",
                "Pages that may use the APIs, by their origin (`https://example.org`); without it, all")
                .since("0.1");
        WEB_CONNECTIONS: Number =
            Opt::<Number>::own("web", "connections", 4096, 1, "",
                "Connections of the web server at the same time. For one more, the oldest goes that has neither a session nor a request").since("0.1");
        WEB_PROXIES: List =
            Opt::<List>::own("web", "proxies",
                "Proxies whose word counts for who a client is (`X-Forwarded-For`): addresses, networks (`10.0.0.0/8`), `unix` for whoever comes by a Unix socket")
                .since("0.1");
        WEB_PROXY_PROTOCOL: Flag =
            Opt::<Flag>::own("web", "proxy_protocol", false,
                "Connections of these proxies begin with the header of the proxy protocol, version 1 or 2; others must not")
                .since("0.1");
        WEB_METRICS: Text =
            Opt::<Text>::own("web", "metrics", Some("secret"),
                "Who may read `/metrics`: `secret`, those who send the admin secret; `open`, everybody; `off`, nobody")
                .since("0.1");
    }

    unnamed {
        Row::new(File::Janus, "general", "protected_folders", Kind::Array, "No recording or capture is made in these folders");
        unused("general", "configs_folder", "No effect, in the reference neither: `-F` says it");
        unused("media", "dtls_timeout", "No effect: the first retransmission of DTLS comes after 100 ms");
        unused("nat", "nice_debug", "No effect: libnice is not used");
    }
}
