// WebRTC, and the Janus core, inside a Node.js program: peers, data channels, media, the Janus API.
//
//	const core = await Core.start();
//	const peer = core.peer();
//	const channel = peer.channel('cat-noises');
//	const offer = peer.describe();          // to the other side, in whatever way
//	peer.accept(answer);                    // and back
//	channel.on('message', (message) => …);
//
// Packets that one peer sends to another are forwarded by the library (`core.link`): none of them comes near JavaScript.

import { EventEmitter, once } from 'node:events';
import * as native from './native.mjs';
import { call, given, later } from './native.mjs';

export { JanusError } from './native.mjs';

const TYPES = {
	1: 'reply', 2: 'janus', 3: 'session', 4: 'handler', 20: 'state', 21: 'candidate', 22: 'path', 23: 'media', 24: 'keyframe',
	25: 'bitrate', 26: 'slow', 27: 'closed', 40: 'channel', 41: 'open', 42: 'message', 43: 'low', 44: 'closed', 60: 'rtp',
	61: 'rtcp', 81: 'drained', 82: 'stopped', 83: 'lost',
};
const CHANNEL = 40, MESSAGE = 42, CHANNEL_CLOSED = 44, PEER_CLOSED = 27, STOPPED = 82;
export const AUDIO = 1, VIDEO = 2;
export const SENDRECV = 0, SENDONLY = 1, RECVONLY = 2, INACTIVE = 3;

/** A data channel. Events: open, message (string or Buffer), low, closed (reason). */
export class Channel extends EventEmitter {
	constructor(peer, number, label, isOpen = false) {
		super();
		Object.assign(this, { peer, number, label, isOpen });
	}

	async opened() {
		if (!this.isOpen) await once(this, 'open');
	}

	/** A string, or bytes. JanusError "JANUS_RS_EAGAIN" when 16 MiB wait already. */
	send(message) {
		const text = typeof message === 'string';
		const data = text ? Buffer.from(message) : message;
		call('channel_send', this.peer.core.handle, this.number, text ? 0 : 1, data, data.length);
	}

	get buffered() {
		return call('channel_buffered', this.peer.core.handle, this.number);
	}

	close() {
		call('channel_close', this.peer.core.handle, this.number);
	}
}

/**
 * A PeerConnection. Events: state (name), candidate (text), path (text), channel (Channel), media (mindex, on, layer),
 * keyframe (mindex), bitrate (bit/s), slow (mindex, lost), rtp and rtcp (mindex, Buffer), closed (reason).
 */
export class Peer extends EventEmitter {
	constructor(core, number) {
		super();
		Object.assign(this, { core, number, state: 'new' });
	}

	async connected() {
		while (this.state !== 'connected') {
			if (this.state === 'closed') throw new Error('the peer is closed');
			await new Promise((resolve) => {
				this.once('state', resolve);
				this.once('closed', resolve);
			});
		}
	}

	/** Our offer, or our answer to the offer that was accepted: SDP. */
	describe({ restart = false } = {}) {
		return given('peer_describe', this.core.handle, this.number, restart ? 1 : 0);
	}

	/** SDP, or an RTCSessionDescription. */
	accept(description) {
		const text = typeof description === 'string' ? description : JSON.stringify(description);
		call('peer_accept', this.core.handle, this.number, text);
	}

	candidate(candidate, mid = null) {
		call('peer_candidate', this.core.handle, this.number, mid, candidate);
	}

	channel(label, { protocol = null, ordered = true, maxRetransmits, maxPacketLifeTime, id, low = 0 } = {}) {
		const reliability = maxRetransmits !== undefined ? 1 : maxPacketLifeTime !== undefined ? 2 : 0;
		const options = native.ChannelOptions({
			protocol, low, unordered: ordered ? 0 : 1, reliability, limit: maxRetransmits ?? maxPacketLifeTime ?? 0,
			negotiated: id === undefined ? 0 : 1, id: id ?? 0,
		});
		const number = given('channel_open', this.core.handle, this.number, label, options);
		const channel = new Channel(this, number, label);
		this.core.channels.set(number, channel);
		return channel;
	}

	/** Audio or video in the next offer, or how the answer takes the other side's; the index of its m-line. */
	media(kind, direction = SENDRECV, { codecs = null, mid = null } = {}) {
		return call('peer_media', this.core.handle, this.number, native.Media({ kind, direction, codecs, mid }));
	}

	direction(mindex, direction) {
		call('peer_direction', this.core.handle, this.number, mindex, direction);
	}

	/** What the m-lines are. */
	lines() {
		const found = [];
		for (;;) {
			const info = native.MediaInfo({ mid: '', codec: '' });
			try {
				call('media_get', this.core.handle, this.number, found.length, info);
			} catch {
				return found;
			}
			found.push(info);
		}
	}

	sendRtp(mindex, packet) {
		call('send_rtp', this.core.handle, this.number, mindex, packet, packet.length);
	}

	sendRtcp(mindex, packet) {
		call('send_rtcp', this.core.handle, this.number, mindex, packet, packet.length);
	}

	askKeyframe(mindex) {
		call('ask_keyframe', this.core.handle, this.number, mindex);
	}

	limitBitrate(bitsPerSecond) {
		call('limit_bitrate', this.core.handle, this.number, bitsPerSecond);
	}

	/** janus_rs_peer_info. */
	info() {
		const info = native.PeerInfo(Object.fromEntries('local remote local_type remote_type srtp remote_fingerprint'
			.split(' ').map((text) => [text, ''])));
		call('peer_get', this.core.handle, this.number, info);
		return info;
	}

	inspect() {
		return JSON.parse(given('inspect', this.core.handle, this.number));
	}

	close() {
		call('peer_close', this.core.handle, this.number);
	}

	take(event) {
		const { type, code, mindex, number } = event;
		const name = TYPES[type];
		if (type === CHANNEL) {
			const channel = new Channel(this, event.channel, event.text, true);
			this.core.channels.set(event.channel, channel);
			this.emit(name, channel);
		} else if (type === PEER_CLOSED) {
			this.core.peers.delete(this.number);
			this.state = 'closed';
			this.emit(name, event.text);
		} else if (name === 'state') {
			this.state = event.text;
			this.emit(name, event.text);
		} else if (name === 'rtp' || name === 'rtcp') {
			this.emit(name, mindex, event.data);
		} else if (name === 'media') {
			this.emit(name, mindex, code === 1, number);
		} else if (name === 'slow') {
			this.emit(name, mindex, code);
		} else {
			this.emit(name, name === 'keyframe' ? mindex : name === 'bitrate' ? number : event.text);
		}
	}
}

/** A client of the Janus API. Events: janus (object), session (id, change). */
export class Client extends EventEmitter {
	constructor(core, number) {
		super();
		Object.assign(this, { core, number, replies: new Map(), tags: 0 });
	}

	/** The reply to a request; "transaction" is put in when it is missing. */
	request(message, { admin = false } = {}) {
		this.tags += 1;
		const tag = this.tags;
		const text = JSON.stringify({ transaction: String(tag), ...message });
		call('request', this.core.handle, this.number, tag, admin ? 1 : 0, text, Buffer.byteLength(text));
		return new Promise((resolve) => { this.replies.set(tag, resolve); });
	}

	close() {
		call('client_close', this.core.handle, this.number);
		this.core.clients.delete(this.number);
	}

	take({ type, tag, text, session, code }) {
		if (TYPES[type] === 'reply') {
			this.replies.get(tag)?.(JSON.parse(text));
			this.replies.delete(tag);
		} else if (TYPES[type] === 'janus') {
			this.emit('janus', JSON.parse(text));
		} else {
			this.emit('session', session, code);
		}
	}
}

/** An instance of the core. */
export class Core {
	peers = new Map();
	channels = new Map();
	clients = new Map();

	/** `config` has options of janus.jcfg by name: { 'nat.ice_lite': 'true' }; `plugins` are files. */
	static async start({ config = {}, plugins = [], configFolder = null, workers = 0 } = {}) {
		const core = new Core();
		const options = native.Options({ flags: plugins.length > 0 ? 1 : 0, workers, config_folder: configFolder });
		const out = [null];
		call('open', out, options);
		[core.handle] = out;
		for (const [name, value] of Object.entries(config)) call('set', core.handle, name, value);
		for (const file of plugins) call('load', core.handle, 1, file);
		await later('start', core.handle);
		const queue = [null];
		call('queue_open', core.handle, queue, null);
		[core.queue] = queue;
		core.ended = core.#run(core.queue);
		return core;
	}

	/** One thread of the pool waits for events; they are taken on this one. */
	async #run(queue) {
		for (;;) {
			const raw = native.Event();
			if (await later('next', queue, raw, -1) === 0) continue;
			if (raw.type === STOPPED) return;
			const data = native.bytes(raw.type === MESSAGE || raw.type >= 60 ? raw.data : raw.text, raw.length);
			this.#take({ ...raw, data, text: data.toString() });
		}
	}

	#take(event) {
		const channel = event.type === CHANNEL ? undefined : this.channels.get(event.channel);
		if (!channel) {
			(this.peers.get(event.peer) ?? this.clients.get(event.client))?.take(event);
		} else if (event.type === MESSAGE) {
			channel.emit('message', event.flags & 1 ? event.data : event.text);
		} else {
			channel.isOpen = event.type !== CHANNEL_CLOSED;
			if (!channel.isOpen) this.channels.delete(event.channel);
			channel.emit(TYPES[event.type], event.text);
		}
	}

	peer({ name = null, trickle = false, acceptMedia = false, rtpEvents = false, worker = 0 } = {}) {
		const flags = (trickle ? 1 : 0) | (acceptMedia ? 2 : 0) | (rtpEvents ? 4 : 0);
		const number = given('peer_open', this.handle, this.queue, native.PeerOptions({ flags, worker, name }));
		const peer = new Peer(this, number);
		this.peers.set(number, peer);
		return peer;
	}

	client({ admin = false, trusted = false } = {}) {
		const options = native.ClientOptions({ admin: admin ? 1 : 0, trusted: trusted ? 1 : 0 });
		const number = given('client_open', this.handle, this.queue, options);
		const client = new Client(this, number);
		this.clients.set(number, client);
		return client;
	}

	/** What one peer sends on a medium goes to a medium of another, inside the library. */
	link(source, fromMindex, to, toMindex, { layers = 0, temporalLayers = 0, paused = false } = {}) {
		call('link_set', this.handle, native.Link({
			from: source.number, to: to.number, from_mindex: fromMindex, to_mindex: toMindex, layers,
			temporal_layers: temporalLayers, paused: paused ? 1 : 0,
		}));
	}

	unlink(to, toMindex) {
		call('link_clear', this.handle, to.number, toMindex);
	}

	counters() {
		const counters = native.Counters();
		call('count', this.handle, counters);
		return counters;
	}

	/** OpenMetrics text, for a /metrics of one's own. */
	metrics() {
		return given('metrics', this.handle, 0);
	}

	/** Ends everything that it has. */
	async close() {
		await later('stop', this.handle, -1);
		await this.ended;
		call('close', this.handle);
	}
}
