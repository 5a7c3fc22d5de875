// The smallest client of the Janus API over WebSocket that this page needs: one session, one handle.

const PROTOCOL = 'janus-protocol';
const KEEPALIVE_MS = 25000;

export class Janus extends EventTarget {
	#socket;
	#pending = new Map();
	#session = 0;
	#handle = 0;
	#timer;

	static async connect(url, plugin) {
		const janus = new Janus();
		await janus.#open(url);
		janus.#session = (await janus.#request({ janus: 'create' })).data.id;
		janus.#timer = setInterval(() => janus.#post({ janus: 'keepalive' }), KEEPALIVE_MS);
		janus.#handle = (await janus.#request({ janus: 'attach', plugin })).data.id;
		return janus;
	}

	#open(url) {
		return new Promise((resolve, reject) => {
			this.#socket = new WebSocket(url, PROTOCOL);
			this.#socket.onopen = () => resolve();
			this.#socket.onerror = () => reject(new Error(`cannot reach ${url}`));
			this.#socket.onclose = () => {
				clearInterval(this.#timer);
				for (const { reject } of this.#pending.values()) reject(new Error('connection closed'));
				this.#pending.clear();
				this.dispatchEvent(new Event('close'));
			};
			this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
		});
	}

	#receive(message) {
		const waiting = this.#pending.get(message.transaction);
		if (waiting && message.janus !== 'ack') {
			this.#pending.delete(message.transaction);
			if (message.janus === 'error') waiting.reject(new Error(`${message.error.code}: ${message.error.reason}`));
			else waiting.resolve(message);
			return;
		}
		this.dispatchEvent(new CustomEvent('event', { detail: message }));
	}

	#post(message) {
		const transaction = crypto.getRandomValues(new Uint32Array(2)).join('-');
		if (this.#session) message.session_id = this.#session;
		if (this.#handle && message.janus !== 'keepalive') message.handle_id = this.#handle;
		message.transaction = transaction;
		this.#socket.send(JSON.stringify(message));
		return transaction;
	}

	#request(message) {
		return new Promise((resolve, reject) => this.#pending.set(this.#post(message), { resolve, reject }));
	}

	/** Resolves with the plugin's event for this message. */
	message(body, jsep) {
		return this.#request(jsep ? { janus: 'message', body, jsep } : { janus: 'message', body });
	}

	trickle(candidate) {
		this.#post({ janus: 'trickle', candidate: candidate ?? { completed: true } });
	}

	hangup() {
		return this.#request({ janus: 'hangup' });
	}

	close() {
		if (this.#socket.readyState === WebSocket.OPEN) this.#post({ janus: 'destroy' });
		this.#socket.close();
	}
}
