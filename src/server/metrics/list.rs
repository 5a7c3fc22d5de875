//! Every metric that there is. docs/metrics.md, the dashboard and the alerts in demos/metrics are made from it.

use crate::metrics::{Family, Kind, Unit};

macro_rules! families {
    ($($id:ident = $kind:ident $name:literal $unit:ident [$($label:literal),*] $help:literal;)*) => {
        $(pub static $id: Family = Family {
            name: $name,
            kind: Kind::$kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            help: $help,
        };)*
        /// In the order of the text.
        #[cfg(test)]
        pub static ALL: &[&Family] = &[$(&$id),*];
    };
}

families! {
    BUILD = Info "janus_build" None ["implementation", "version", "commit", "janus"]
        "What serves here, and the version of Janus that clients are told";
    MODULE = Info "janus_module" None ["kind", "package", "version", "file", "generation"]
        "Loaded modules; the ABI generation of plugins";
    SESSIONS = Gauge "janus_sessions" None [] "Sessions";
    HANDLES = Gauge "janus_handles" None ["plugin"] "Handles that are attached to a plugin";
    PEERCONNECTIONS = Gauge "janus_peerconnections" None ["state"]
        "PeerConnections: connecting until DTLS is through, then connected, closing while they are taken down";
    ENDED = Counter "janus_peerconnections_ended" None ["reason"] "PeerConnections that have ended, and why";
    ACCEPTING = Gauge "janus_accepting_sessions" None [] "1 while new sessions are taken, 0 while it drains";
    REQUESTS = Counter "janus_requests" None ["api", "request", "code"]
        "Answered requests; code 0 is no error, request other is none that is known";
    REQUEST_TIME = Histogram "janus_request_duration_seconds" Seconds ["api", "request"]
        "From when a request's turn came to when its reply was ready";
    REQUESTS_WAITING = Gauge "janus_requests_waiting" None [] "Requests whose turn has not come";
    REQUESTS_REFUSED = Counter "janus_requests_refused" None [] "Requests refused because too many were waiting";
    JOBS_WAITING = Gauge "janus_control_jobs_waiting" None [] "Jobs that wait for a control thread";
    THREADS = Gauge "janus_control_threads" None [] "Control threads";
    ICE_TIME = Histogram "janus_ice_duration_seconds" Seconds [] "From the first check to the pair that DTLS begins on";
    DTLS_TIME = Histogram "janus_dtls_duration_seconds" Seconds [] "From the start of DTLS to the keys";
    JOIN_TIME = Histogram "janus_join_duration_seconds" Seconds []
        "From when a PeerConnection is made to when media may flow";
    DATAGRAMS = Counter "janus_datagrams" None ["direction", "worker"] "UDP datagrams of media workers";
    RTP = Counter "janus_rtp_packets" None ["direction", "kind"] "RTP packets, retransmissions by RTX to peers not counted";
    RTP_BYTES = Counter "janus_rtp_bytes" Bytes ["direction", "kind"] "Bytes of those packets, without SRTP";
    RTCP = Counter "janus_rtcp_messages" None ["direction", "kind"] "RTCP messages";
    NACKED = Counter "janus_nacked_packets" None ["direction"]
        "RTP packets that were asked for again: in by peers, out by us";
    RETRANSMITTED = Counter "janus_retransmitted_packets" None ["direction"]
        "RTP packets that were sent again: in by peers with RTX, out by us";
    DROPPED = Counter "janus_dropped_packets" None ["reason"] "Packets of peers that went no further";
    UNSENT = Counter "janus_unsent_datagrams" None ["worker", "reason"]
        "Datagrams not sent: ring_full because other threads wrote faster than the worker sent, else what the system did not take";
    RTT = Histogram "janus_rtt_seconds" Seconds [] "Round trips, at each report of a peer about a stream";
    JITTER = Histogram "janus_jitter_seconds" Seconds ["direction"] "Jitter, at each report about a stream";
    LOSS = Histogram "janus_loss_ratio" Ratio ["direction"] "Share of packets lost since the last report about a stream";
    FORWARD = Histogram "janus_forward_delay_seconds" Seconds []
        "From when a worker reads to when what followed is sent, per datagram";
    BATCHES = Histogram "janus_batch_datagrams" None ["direction"] "Datagrams that are read or sent at once";
    SEND_CALLS = Counter "janus_send_calls" None ["worker"] "System calls that datagrams were sent with";
    BUSY = Counter "janus_worker_busy_seconds" Seconds ["worker"] "Time that a media worker did not sleep";
    WORKER_LOAD = Gauge "janus_worker_peerconnections" None ["worker"] "PeerConnections of a media worker";
    CALLBACK_TIME = Counter "janus_callback_seconds" Seconds ["module", "callback"]
        "Time inside a module's function; of those for packets an estimate from one call in 61";
    CALLBACKS = Counter "janus_callbacks" None ["module", "callback"]
        "Calls of a module's function; of those for packets counted in steps of 61";
    STALLS = Counter "janus_callback_stalls" None ["module", "callback"] "Calls that took longer than 100 ms";
    STALLED = Gauge "janus_callbacks_stalled" None ["module", "callback"] "Calls that stall now";
    BLOCKED = Counter "janus_blocked_packets" None ["module"]
        "Packets that a plugin was not given while one of its media callbacks blocked";
    EVENTS_WAITING = Gauge "janus_events_waiting" None [] "Events that wait for event handlers";
    EVENTS_DROPPED = Counter "janus_events_dropped" None [] "Events for event handlers that there was no room for";
    NOTIFICATIONS_DROPPED = Counter "janus_notifications_dropped" None []
        "Events of plugins to clients that there was no room for";
    CHANGES_REFUSED = Counter "janus_changes_refused" None []
        "Descriptions and candidates refused because a media worker had not taken earlier ones";
    LOG_LOST = Counter "janus_log_lines_lost" None [] "Lines of the log that there was no room for";
    CERTIFICATE = Gauge "janus_certificate_expiry_timestamp_seconds" Seconds []
        "End of the DTLS certificate's validity, since 1970";
    CPU = Counter "process_cpu_seconds" Seconds [] "CPU time of the process";
    MEMORY = Gauge "process_resident_memory_bytes" Bytes [] "Resident memory";
    VIRTUAL = Gauge "process_virtual_memory_bytes" Bytes [] "Virtual memory";
    FILES = Gauge "process_open_fds" None [] "Open files";
    FILES_LIMIT = Gauge "process_max_fds" None [] "Limit of open files";
    STARTED = Gauge "process_start_time_seconds" Seconds [] "Start of the process, since 1970";
    OS_THREADS = Gauge "process_threads" None [] "Threads of the process";
}
