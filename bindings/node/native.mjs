// janus_rs.h as koffi sees it: structs, functions, and errors with the library's text.

import koffi from 'koffi';

const struct = (name, members) => {
	const type = koffi.struct(name, { size: 'size_t', ...members });
	/** Zero but for what is given. */
	return (given = {}) => {
		const zero = Object.entries(members).map(([member, kind]) => [member, /\*|str/.test(kind) ? null : 0]);
		return { size: koffi.sizeof(type), ...Object.fromEntries(zero), ...given };
	};
};
const each = (kind, names) => Object.fromEntries(names.split(' ').map((name) => [name, kind]));

export const Options = struct('janus_rs_options', {
	flags: 'uint32_t', workers: 'uint32_t', config_folder: 'const char *',
	...each('void *', 'log thread_started thread_ended user'),
});
export const Event = struct('janus_rs_event', {
	...each('uint32_t', 'type flags'), ...each('int32_t', 'code mindex'),
	...each('uint64_t', 'client tag session handle peer channel'), ...each('int64_t', 'number time'),
	...each('void *', 'text data'), length: 'size_t', user: 'void *',
});
export const ClientOptions = struct('janus_rs_client_options', {
	name: 'const char *', admin: 'int', trusted: 'int', user: 'void *',
});
export const Counters = struct('janus_rs_counters', each('uint64_t',
	'clients sessions handles peers_connected received_packets sent_packets requests_waiting events_waiting events_lost peers'
	+ ' channels links send_calls dropped_packets slow_calls'));
export const PeerOptions = struct('janus_rs_peer_options', {
	flags: 'uint32_t', worker: 'uint32_t', name: 'const char *', ...each('void *', 'user rtp rtcp'),
});
export const Media = struct('janus_rs_media', {
	kind: 'int32_t', direction: 'int32_t', ...each('const char *', 'codecs mid msid extensions'),
});
koffi.alias('mid_text', koffi.array('char', 32, 'String'));
koffi.alias('codec_text', koffi.array('char', 16, 'String'));
export const MediaInfo = struct('janus_rs_media_info', {
	kind: 'int32_t', direction: 'int32_t', mid: 'mid_text', codec: 'codec_text', payload_type: 'int32_t', ssrc: 'uint32_t',
	layers: 'int32_t', linked: 'int32_t',
});
export const Link = struct('janus_rs_link', {
	from: 'uint64_t', to: 'uint64_t', ...each('int32_t', 'from_mindex to_mindex layers temporal_layers paused'),
});
const texts = { address_text: 64, type_text: 8, srtp_text: 32, fingerprint_text: 256 };
for (const [name, length] of Object.entries(texts)) koffi.alias(name, koffi.array('char', length, 'String'));
export const PeerInfo = struct('janus_rs_peer_info', {
	...each('int32_t', 'state signaling ice dtls sctp ice_controlling dtls_client'), worker: 'uint32_t',
	...each('address_text', 'local remote'), ...each('type_text', 'local_type remote_type'), srtp: 'srtp_text',
	remote_fingerprint: 'fingerprint_text', connected_at: 'int64_t',
	...each('uint64_t', 'received_packets received_bytes sent_packets sent_bytes'), remote_max_message: 'int64_t',
	channels: 'uint32_t', last_received: 'int64_t', round_trip: 'int64_t', ...each('uint64_t', 'lost_in lost_out'),
});
export const ChannelOptions = struct('janus_rs_channel_options', {
	protocol: 'const char *', ...each('int32_t', 'unordered reliability limit negotiated id'), low: 'size_t', user: 'void *',
});

const library = koffi.load(process.env.JANUS_RS_LIBRARY ?? 'libjanus_rs.so.0', { global: true });
koffi.disposable('given_text', 'str', library.func('void janus_rs_free(void *)'));
const lastError = library.func('const char *janus_rs_error()');
const errorName = library.func('const char *janus_rs_error_name(int)');
const functions = Object.fromEntries([
	'int janus_rs_open(_Out_ void **, janus_rs_options *)', 'int janus_rs_set(void *, const char *, const char *)',
	'int janus_rs_load(void *, int, const char *)', 'int janus_rs_start(void *)', 'int janus_rs_stop(void *, int)',
	'int janus_rs_close(void *)', 'int janus_rs_queue_open(void *, _Out_ void **, void *)',
	'int janus_rs_next(void *, _Inout_ janus_rs_event *, int)',
	'int janus_rs_client_open(void *, void *, janus_rs_client_options *, _Out_ uint64_t *)',
	'int janus_rs_client_close(void *, uint64_t)',
	'int janus_rs_request(void *, uint64_t, uint64_t, uint32_t, const char *, size_t)',
	'int janus_rs_peer_open(void *, void *, janus_rs_peer_options *, _Out_ uint64_t *)',
	'int janus_rs_peer_close(void *, uint64_t)', 'int janus_rs_peer_describe(void *, uint64_t, uint32_t, _Out_ given_text *)',
	'int janus_rs_peer_accept(void *, uint64_t, const char *)',
	'int janus_rs_peer_candidate(void *, uint64_t, const char *, const char *)',
	'int janus_rs_inspect(void *, uint64_t, _Out_ given_text *)', 'int janus_rs_metrics(void *, int, _Out_ given_text *)',
	'int janus_rs_peer_get(void *, uint64_t, _Inout_ janus_rs_peer_info *)',
	'int janus_rs_channel_open(void *, uint64_t, const char *, janus_rs_channel_options *, _Out_ uint64_t *)',
	'int janus_rs_channel_send(void *, uint64_t, int, const void *, size_t)',
	'int64_t janus_rs_channel_buffered(void *, uint64_t)', 'int janus_rs_channel_close(void *, uint64_t)',
	'int janus_rs_count(void *, _Inout_ janus_rs_counters *)', 'int janus_rs_peer_media(void *, uint64_t, janus_rs_media *)',
	'int janus_rs_peer_direction(void *, uint64_t, int32_t, int)',
	'int janus_rs_media_get(void *, uint64_t, int32_t, _Inout_ janus_rs_media_info *)',
	'int janus_rs_send_rtp(void *, uint64_t, int32_t, const void *, size_t)',
	'int janus_rs_send_rtcp(void *, uint64_t, int32_t, const void *, size_t)',
	'int janus_rs_ask_keyframe(void *, uint64_t, int32_t)', 'int janus_rs_limit_bitrate(void *, uint64_t, uint32_t)',
	'int janus_rs_link_set(void *, janus_rs_link *)', 'int janus_rs_link_clear(void *, uint64_t, int32_t)',
].map((signature) => [signature.match(/janus_rs_(\w+)\(/)[1], library.func(signature)]));

/** A call that failed; it has changed nothing. `code` is a name such as "JANUS_RS_EAGAIN". */
export class JanusError extends Error {
	constructor(result, text) {
		super(`${errorName(result)}: ${text}`);
		this.code = errorName(result);
	}
}

/** janus_rs_<name>(…): its result, or an exception. */
export function call(name, ...args) {
	const result = functions[name](...args);
	if (result < 0) throw new JanusError(result, lastError());
	return result;
}

/** The same, of a function that gives something away by its last argument. */
export function given(name, ...args) {
	const out = [null];
	call(name, ...args, out);
	return out[0];
}

/** The same on another thread, for what may wait. Texts of errors belong to threads, and stay there. */
export const later = (name, ...args) => new Promise((resolve, reject) => {
	functions[name].async(...args, (error, result) => {
		if (error) reject(error);
		else if (result < 0) reject(new JanusError(result, `janus_rs_${name}`));
		else resolve(result);
	});
});

/** A copy of what an event lends. */
export const bytes = (pointer, length) => (length === 0 ? Buffer.alloc(0)
	: Buffer.from(koffi.decode(pointer, koffi.array('uint8_t', length, 'Typed'))));
