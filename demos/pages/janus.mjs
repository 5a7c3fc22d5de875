// The Janus API for all pages: a session that outlives its connection, handles, and the PeerConnection of a handle.
// What the messages mean: https://janus.conf.meetecho.com/docs/rest.html

const PROTOCOL = 'janus-protocol';
const KEEPALIVE_MS = 25000;
/** A connection that is not there by then, and an answer, are given up. */
const OPEN_MS = 5000;
const ANSWER_MS = 20000;
/** As long as we try to come back; the server keeps a session `reclaim_session_timeout` seconds. */
const RETURN_MS = 60000;
/** ICE may mend itself for so long before it is restarted. */
const PATIENCE_MS = 2000;
/** An error of the Janus API. */
const NO_SUCH_PLUGIN = 460;

/** For servers whose address is not reached directly: `[{ urls: 'stun:…' }]`. */
export const ICE_SERVERS = [];

/**
 * Where the Janus API may be, best first: as the link says, at the server of this page, at the port of the WebSocket module.
 * No other place knows about transports.
 */
export function addresses({ search, protocol, host, hostname } = location) {
	const said = new URLSearchParams(search).get('server');
	if (said) return [said];
	const [scheme, port] = protocol === 'https:' ? ['wss', 8989] : ['ws', 8188];
	return [`${scheme}://${host}/janus`, `${scheme}://${hostname}:${port}/`];
}

/** `code` is the number of an error that the server gave; without one, nothing was heard from it. */
export class JanusError extends Error {
	constructor(reason, code) {
		super(reason);
		this.code = code;
	}
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const random = () => [...crypto.getRandomValues(new Uint32Array(3))].map((n) => n.toString(36)).join('');

function open(url) {
	return new Promise((resolve, reject) => {
		const socket = new WebSocket(url, PROTOCOL);
		const timer = setTimeout(() => socket.close(), OPEN_MS);
		socket.onopen = () => { clearTimeout(timer); resolve(socket); };
		socket.onclose = () => { clearTimeout(timer); reject(new JanusError(`cannot reach ${url}`)); };
	});
}

/** One session. Event `state`: `connected`, `reconnecting`, or `lost`, when the session is gone for good. */
export class Janus extends EventTarget {
	#socket;
	#pending = new Map();
	#handles = new Map();
	#timer;
	/** Requests wait for it: a connection in which the session is ours. */
	#ready;
	#closed = false;

	static async connect() {
		const janus = new Janus();
		await janus.#dial(addresses());
		janus.id = (await janus.#ask({ janus: 'create' })).data.id;
		janus.#timer = setInterval(() => janus.#keep(), KEEPALIVE_MS);
		janus.#ready = Promise.resolve();
		return janus;
	}

	/** What the server tells about itself; needs no session. */
	static async info() {
		const janus = new Janus();
		await janus.#dial(addresses());
		const info = await janus.#ask({ janus: 'info' });
		janus.close();
		return info;
	}

	/** To the first of these plugins that the server has. */
	async attach(plugin, ...others) {
		try {
			const { data } = await this.request({ janus: 'attach', plugin });
			const handle = new Handle(this, data.id, plugin);
			this.#handles.set(data.id, handle);
			return handle;
		} catch (error) {
			if (error.code !== NO_SUCH_PLUGIN || !others.length) throw error;
			return this.attach(...others);
		}
	}

	/** Sends it when there is a connection; resolves with what is no `ack`. */
	async request(message) {
		await this.#ready;
		return this.#ask(message);
	}

	/** Ends the session. Nothing is waited for, so that it works while the page goes away. */
	close() {
		this.#closed = true;
		clearInterval(this.#timer);
		if (!this.#socket) return;
		this.#socket.onclose = null;
		if (this.id && this.#socket.readyState === WebSocket.OPEN) this.#post({ janus: 'destroy' });
		this.#socket.close();
		this.#drop('closed');
	}

	async #dial(urls) {
		for (const url of urls) {
			try {
				this.#socket = await open(url);
				this.url = url;
				this.#socket.onclose = () => this.#broken();
				this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
				return;
			} catch (error) {
				if (url === urls.at(-1)) throw error;
			}
		}
	}

	#broken() {
		this.#drop('the connection was lost');
		if (!this.#ready) return;
		this.#ready = this.#return();
		// Whoever asks meanwhile hears of it; nobody has to ask.
		this.#ready.catch(() => {});
	}

	async #return() {
		this.#tell('reconnecting');
		for (const end = Date.now() + RETURN_MS; Date.now() < end && !this.#closed;) {
			try {
				await this.#dial([this.url]);
				this.#socket.onclose = () => this.#drop('the connection was lost');
				await this.#ask({ janus: 'claim' });
				this.#socket.onclose = () => this.#broken();
				this.#tell('connected');
				return;
			} catch (error) {
				if (error.code) break;
				await sleep(500);
			}
		}
		clearInterval(this.#timer);
		this.#handles.clear();
		if (!this.#closed) this.#tell('lost');
		throw new JanusError('the session is gone');
	}

	#keep() {
		if (this.#socket.readyState === WebSocket.OPEN) this.#post({ janus: 'keepalive' });
	}

	#drop(reason) {
		for (const { reject } of this.#pending.values()) reject(new JanusError(reason));
		this.#pending.clear();
	}

	#tell(state) {
		this.dispatchEvent(new CustomEvent('state', { detail: state }));
	}

	#post(message) {
		const transaction = random();
		this.#socket.send(JSON.stringify({ ...message, ...(this.id && { session_id: this.id }), transaction }));
		return transaction;
	}

	#ask(message) {
		return new Promise((resolve, reject) => {
			const transaction = this.#post(message);
			const timer = setTimeout(() => reject(new JanusError('the server does not answer')), ANSWER_MS);
			const settled = (settle) => (value) => { clearTimeout(timer); settle(value); };
			this.#pending.set(transaction, { resolve: settled(resolve), reject: settled(reject) });
		});
	}

	#receive(message) {
		const waiting = this.#pending.get(message.transaction);
		if (message.janus === 'ack') return;
		if (waiting) {
			this.#pending.delete(message.transaction);
			if (message.janus === 'error') waiting.reject(new JanusError(message.error.reason, message.error.code));
			else waiting.resolve(message);
		} else if (message.janus === 'timeout') {
			this.#socket.close();
		} else {
			this.#handles.get(message.sender)?.receive(message);
		}
	}

	forget(handle) {
		this.#handles.delete(handle.id);
	}
}

/** Events: `message` ({ data, jsep } of the plugin), and what the core tells: `webrtcup`, `hangup`, `slowlink`, `trickle`, … */
export class Handle extends EventTarget {
	constructor(janus, id, plugin) {
		super();
		Object.assign(this, { janus, id, plugin });
	}

	/** Resolves with { data, jsep }; rejects with the plugin's error. */
	async message(body, jsep) {
		const { plugindata, jsep: answer } = await this.#request({ janus: 'message', body, ...(jsep && { jsep }) });
		const data = plugindata?.data ?? {};
		if (data.error) throw new JanusError(data.error, data.error_code);
		return { data, jsep: answer };
	}

	/** A failure shows elsewhere: no connection comes about. */
	trickle(candidate) {
		this.#request({ janus: 'trickle', candidate: candidate ?? { completed: true } }).catch(() => {});
	}

	hangup() {
		return this.#request({ janus: 'hangup' }).catch(() => {});
	}

	detach() {
		this.janus.forget(this);
		return this.#request({ janus: 'detach' }).catch(() => {});
	}

	receive(message) {
		const isPlugin = message.janus === 'event';
		const detail = isPlugin ? { data: message.plugindata?.data ?? {}, jsep: message.jsep } : message;
		this.dispatchEvent(new CustomEvent(isPlugin ? 'message' : message.janus, { detail }));
	}

	#request(message) {
		return this.janus.request({ ...message, handle_id: this.id });
	}
}

/**
 * The PeerConnection of a handle. Event `state`: its connectionState.
 * `negotiate(offer)` takes an offer to the plugin and gives its answer. `restart()` is for plugins that make the offers.
 */
export class Peer extends EventTarget {
	/** Made or to be made, and not answered yet. */
	offers = 0;
	#turn = Promise.resolve();
	#timer;
	#network = () => this.restart();

	constructor(handle, { negotiate, restart }) {
		super();
		Object.assign(this, { handle, negotiate, askRestart: restart });
		this.pc = new RTCPeerConnection({ iceServers: ICE_SERVERS });
		this.pc.addEventListener('icecandidate', ({ candidate }) => handle.trickle(candidate?.toJSON()));
		this.pc.addEventListener('connectionstatechange', () => this.#changed());
		handle.addEventListener('trickle', ({ detail }) => this.#candidate(detail.candidate));
		addEventListener('online', this.#network);
		navigator.connection?.addEventListener?.('change', this.#network);
	}

	/** One after the other: an offer waits until the one before is answered. */
	offer(options) {
		this.offers++;
		return this.#alone(async () => {
			let answer;
			try {
				await this.pc.setLocalDescription(await this.pc.createOffer(options));
				answer = await this.negotiate(jsep(this.pc));
			} catch (error) {
				// As if it had never been made: another one may come, from either side.
				if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
				throw error;
			} finally {
				this.offers--;
			}
			await this.pc.setRemoteDescription(answer);
		});
	}

	/** Resolves with our answer. `prepare` runs when the transceivers of the offer are there. */
	answer(offer, prepare = () => {}) {
		return this.#alone(async () => {
			await this.pc.setRemoteDescription(offer);
			await prepare();
			await this.pc.setLocalDescription();
			return jsep(this.pc);
		});
	}

	/** New candidates and paths; what flows goes on. */
	async restart() {
		if (this.pc.connectionState === 'closed' || !this.pc.remoteDescription) return;
		this.restarts = (this.restarts ?? 0) + 1;
		try {
			await (this.askRestart ? this.askRestart() : this.offer({ iceRestart: true }));
		} catch (error) {
			console.warn('no ICE restart:', error.message);
		}
	}

	close() {
		clearTimeout(this.#timer);
		removeEventListener('online', this.#network);
		navigator.connection?.removeEventListener?.('change', this.#network);
		this.pc.close();
	}

	#changed() {
		const state = this.pc.connectionState;
		clearTimeout(this.#timer);
		if (state === 'failed') this.restart();
		if (state === 'disconnected') this.#timer = setTimeout(() => this.restart(), PATIENCE_MS);
		this.dispatchEvent(new CustomEvent('state', { detail: state }));
	}

	async #candidate(candidate) {
		await this.#turn.catch(() => {});
		if (candidate.completed || this.pc.signalingState === 'closed') return;
		this.pc.addIceCandidate(candidate).catch((error) => console.warn('candidate:', error.message));
	}

	#alone(job) {
		const turn = this.#turn.catch(() => {}).then(job);
		this.#turn = turn;
		turn.catch(() => {});
		return turn;
	}
}

function jsep(pc) {
	const { type, sdp } = pc.localDescription;
	return { type, sdp };
}

/** The three layers of a simulcast uplink, largest first. Plugins count from the other end: substream 0 is `l`. */
export const LAYERS = [
	{ rid: 'h', maxBitrate: 1500000 },
	{ rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 400000 },
	{ rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 120000 },
];
