// A way to the other side: first through the server, whose video call plugin passes data channels on; over that, the two
// browsers try to find a direct one.

import { ICE_SERVERS, Janus, Peer, random } from '../janus.mjs';
import { TEXTS } from '../texts.mjs';

const PLUGIN = 'janus.plugin.videocall';
const NO_SUCH_NAME = 478;
const HIGH = 1 << 20, LOW = 1 << 18;
/** How the bytes go: `direct`, `server`, or, when the link does not say, as it turns out. */
const way = new URLSearchParams(location.search).get('way');
/** A direct way that is not there by then is given up; longer, when the link asks for it. */
const DIRECT_MS = way === 'direct' ? 30000 : 4000, OPEN_MS = 15000;

/** Set `onmessage(object)`, `ondata(ArrayBuffer)` and `onclose()`. */
class Wire {
	ondata = () => {};
	onclose = () => {};
	isDirect = false;
	#channel;
	#onmessage;
	/** What came before somebody listened. */
	#early = [];
	#directOpen;
	#decide;
	#hear;
	/** Settled when the other side's channel is open as well: the server passes on to nobody who is not there yet. */
	heard = new Promise((resolve) => { this.#hear = resolve; });
	/** Settled when both know which way they take. */
	decided = new Promise((resolve) => { this.#decide = resolve; });

	constructor(janus, peer) {
		Object.assign(this, { janus, peer });
		this.#channel = peer.pc.createDataChannel('JanusDataChannel');
		this.opened = this.#listen(this.#channel, OPEN_MS);
		this.opened.catch(() => this.close());
		peer.handle.addEventListener('hangup', () => !this.isDirect && this.close());
	}

	get peers() {
		return { server: this.peer, ...(this.direct && { direct: { pc: this.direct, handle: this.peer.handle } }) };
	}

	set onmessage(handler) {
		this.#onmessage = handler;
		this.#early.splice(0).forEach(handler);
	}

	say(object) {
		this.send(JSON.stringify(object));
	}

	send(data) {
		if (this.#channel.readyState === 'open') this.#channel.send(data);
	}

	/** When there is room again. */
	async drained() {
		const channel = this.#channel;
		if (channel.bufferedAmount < HIGH || channel.readyState !== 'open') return;
		await new Promise((resolve) => {
			channel.bufferedAmountLowThreshold = LOW;
			for (const event of ['bufferedamountlow', 'close']) channel.addEventListener(event, resolve, { once: true });
		});
	}

	/** Until the other side is there, too, and leads. */
	async follow() {
		const knock = () => this.say({ here: true });
		const again = setInterval(knock, 500);
		knock();
		await this.decided;
		clearInterval(again);
	}

	/** One side makes the offer and decides, so that both take the same way. */
	async lead() {
		let direct = false;
		if (way !== 'server') {
			this.#prepare();
			await this.#describe();
			direct = await this.#directOpen.then(() => true, () => false);
		}
		this.say({ direct });
		this.#choose(direct);
	}

	close() {
		if (this.isClosed) return;
		this.isClosed = true;
		this.direct?.close();
		this.peer.close();
		this.peer.handle.message({ request: 'hangup' }).catch(() => {}).then(() => this.end?.());
		this.#hear();
		this.#decide();
		this.onclose();
	}

	#prepare() {
		this.direct = new RTCPeerConnection({ iceServers: ICE_SERVERS });
		this.channel = this.direct.createDataChannel('direct', { negotiated: true, id: 0 });
		this.#directOpen = this.#listen(this.channel, DIRECT_MS);
		this.#directOpen.catch(() => {});
	}

	/** With all candidates in it. */
	async #describe() {
		await this.direct.setLocalDescription();
		await gathered(this.direct);
		this.say({ sdp: this.direct.localDescription.toJSON() });
	}

	async #signal({ sdp, direct }) {
		if (sdp?.type === 'offer') this.#prepare();
		if (sdp) await this.direct.setRemoteDescription(sdp);
		if (sdp?.type === 'offer') await this.#describe();
		if (direct) await this.#directOpen;
		if (direct !== undefined) this.#choose(direct);
	}

	#choose(direct) {
		if (direct) {
			this.isDirect = true;
			this.#channel.onclose = null;
			this.#channel = this.channel;
			this.#channel.onclose = () => this.close();
			this.direct.onconnectionstatechange = () => this.direct.connectionState === 'failed' && this.close();
		} else {
			this.direct?.close();
			this.direct = null;
			this.#channel.onclose = () => this.close();
		}
		this.#decide();
	}

	/** Resolves when it is open. */
	#listen(channel, limit) {
		channel.binaryType = 'arraybuffer';
		channel.onmessage = ({ data }) => {
			if (typeof data !== 'string') return this.ondata(data);
			const message = JSON.parse(data);
			if (message.here) this.#hear();
			else if (message.sdp || message.direct !== undefined) this.#signal(message).catch(() => this.close());
			else if (this.#onmessage) this.#onmessage(message);
			else this.#early.push(message);
		};
		return new Promise((resolve, reject) => {
			channel.onopen = resolve;
			channel.onclose = () => reject(new Error(TEXTS.broken));
			setTimeout(() => reject(new Error(TEXTS.broken)), limit);
		});
	}
}

async function gathered(pc) {
	while (pc.iceGatheringState !== 'complete') await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
}

const result = (detail) => detail.data.result ?? {};

/** Waits under the link's name; `came(wire)` for each who comes. */
export async function listen(id, came, say) {
	const janus = await Janus.connect();
	const handle = await janus.attach(PLUGIN);
	await handle.message({ request: 'register', username: `drop-${id}` });
	addEventListener('pagehide', () => janus.close());
	janus.addEventListener('state', ({ detail }) => detail === 'lost' && listen(id, came, say));
	let wire;
	handle.addEventListener('message', async ({ detail }) => {
		if (result(detail).event === 'hangup') wire?.close();
		if (result(detail).event !== 'incomingcall') return;
		try {
			const peer = new Peer(handle, {});
			wire = new Wire(janus, peer);
			const answer = await peer.answer(detail.jsep);
			await handle.message({ request: 'accept' }, answer);
			const mine = wire;
			await mine.opened;
			await mine.heard;
			if (mine.isClosed) return;
			await mine.lead();
			if (!mine.isClosed) came(mine);
		} catch (error) {
			say(error.message, 'wait');
			handle.message({ request: 'hangup' }).catch(() => {});
		}
	});
}

/** Goes to whoever waits under the link's name. */
export async function dial(id) {
	const janus = await Janus.connect();
	try {
		const handle = await janus.attach(PLUGIN);
		await handle.message({ request: 'register', username: `drop-${random()}` });
		const accepted = new Promise((resolve, reject) => {
			handle.addEventListener('message', ({ detail }) => {
				if (result(detail).event === 'accepted') resolve(detail.jsep);
				if (result(detail).event === 'hangup') reject(new Error(TEXTS.broken));
			});
		});
		accepted.catch(() => {});
		const peer = new Peer(handle, {
			negotiate: async (offer) => {
				const said = await handle.message({ request: 'call', username: `drop-${id}` }, offer);
				if (result({ data: said.data }).event === 'hangup') throw new Error(TEXTS.taken);
				return accepted;
			},
		});
		const wire = new Wire(janus, peer);
		wire.end = () => janus.close();
		await peer.offer();
		await wire.opened;
		await wire.follow();
		// Nobody would hear of an end that came before.
		if (wire.isClosed) throw new Error(TEXTS.broken);
		return wire;
	} catch (error) {
		janus.close();
		throw error.code === NO_SUCH_NAME ? new Error(TEXTS.noSender) : error;
	}
}
