// A client of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): offers and answers as bodies of HTTP requests.

const SDP = 'application/sdp', FRAGMENT = 'application/trickle-ice-sdpfrag';
/** Candidates that are not there by then are left out. */
const GATHER_MS = 2000;

/** What the server has of a connection, from `open` to `close`. */
export class Resource {
	#pc;
	#token;
	#url;

	/** Of what the PeerConnection sends, or wants to receive. */
	static async open(pc, endpoint, token) {
		const resource = new Resource();
		resource.#pc = pc;
		resource.#token = token;
		await pc.setLocalDescription();
		await gathered(pc);
		const reply = await resource.#ask(endpoint, 'POST', SDP, pc.localDescription.sdp);
		resource.#url = new URL(reply.headers.get('Location'), endpoint);
		const sdp = await reply.text();
		if (reply.status === 201) {
			await pc.setRemoteDescription({ type: 'answer', sdp });
		} else {
			// Not acceptable; here is an offer of the server's own.
			await pc.setLocalDescription({ type: 'rollback' });
			await pc.setRemoteDescription({ type: 'offer', sdp });
			await pc.setLocalDescription();
			await gathered(pc);
			await resource.#ask(resource.#url, 'PATCH', SDP, pc.localDescription.sdp);
		}
		return resource;
	}

	/** RFC 9725 §4.3.3: only credentials and candidates are said; the rest of the descriptions stays. */
	async restart() {
		await this.#pc.setLocalDescription(await this.#pc.createOffer({ iceRestart: true }));
		await gathered(this.#pc);
		// Everything is bundled: the first medium has it all.
		const [head, medium] = this.#pc.localDescription.sdp.split('\r\nm=');
		const lines = `${head}\r\nm=${medium}`.split('\r\n').filter((line) => /^(m=|a=(ice-|candidate:|mid:|end-of-candidates))/.test(line));
		const reply = await this.#ask(this.#url, 'PATCH', FRAGMENT, `${lines.join('\r\n')}\r\n`, { 'If-Match': '*' });
		const said = (await reply.text()).split(/\r?\n/);
		const value = (name) => said.find((line) => line.startsWith(name));
		const candidates = said.filter((line) => line.startsWith('a=candidate:'));
		const sdp = this.#pc.remoteDescription.sdp.split('\r\n').filter((line) => !/^a=(candidate:|end-of-candidates)/.test(line)).map((line) => {
			if (line.startsWith('a=ice-ufrag:')) return value('a=ice-ufrag:');
			if (line.startsWith('a=ice-pwd:')) return [value('a=ice-pwd:'), ...candidates].join('\r\n');
			return line;
		}).join('\r\n');
		await this.#pc.setRemoteDescription({ type: 'answer', sdp });
	}

	/** Also while the page goes away. */
	async close() {
		await this.#ask(this.#url, 'DELETE').catch(() => {});
	}

	async #ask(url, method, type, body, more = {}) {
		const headers = { ...more, ...(type && { 'Content-Type': type }), ...(this.#token && { Authorization: `Bearer ${this.#token}` }) };
		const reply = await fetch(url, { method, headers, body, keepalive: method === 'DELETE' });
		if (!reply.ok && reply.status !== 406) throw new Error((await reply.text()).trim() || `${reply.status} ${reply.statusText}`);
		return reply;
	}
}

function gathered(pc) {
	return new Promise((resolve) => {
		const look = () => pc.iceGatheringState === 'complete' && resolve();
		pc.addEventListener('icegatheringstatechange', look);
		setTimeout(resolve, GATHER_MS);
		look();
	});
}
