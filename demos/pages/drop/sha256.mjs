// SHA-256 in pieces (FIPS 180-4); what browsers have takes a whole file at once.

/** The first 64 primes' roots, of which the first 32 bits behind the point are the constants. */
const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);
const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
const K = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

export class Sha256 {
	#state = START.slice();
	#block = new Uint8Array(64);
	#filled = 0;
	#words = new Int32Array(64);
	length = 0;

	add(bytes) {
		this.length += bytes.length;
		let at = 0;
		if (this.#filled) {
			at = Math.min(64 - this.#filled, bytes.length);
			this.#block.set(bytes.subarray(0, at), this.#filled);
			this.#filled += at;
			if (this.#filled < 64) return;
			this.#mix(this.#block, 0);
		}
		for (; at + 64 <= bytes.length; at += 64) this.#mix(bytes, at);
		this.#filled = bytes.length - at;
		this.#block.set(bytes.subarray(at));
	}

	/** As text; nothing can be added afterwards. */
	end() {
		const bits = this.length * 8;
		const rest = new Uint8Array(this.#filled < 56 ? 64 - this.#filled : 128 - this.#filled);
		rest[0] = 0x80;
		const view = new DataView(rest.buffer);
		view.setUint32(rest.length - 8, Math.floor(bits / 2 ** 32));
		view.setUint32(rest.length - 4, bits >>> 0);
		this.add(rest);
		return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
	}

	#mix(bytes, at) {
		const w = this.#words;
		for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15], y = w[i - 2];
			const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
			const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
			w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
		}
		const state = this.#state;
		let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
		for (let i = 0; i < 64; i++) {
			const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
			const t1 = (h + S1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
			const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
			const t2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
			h = g; g = f; f = e; e = (d + t1) | 0;
			d = c; c = b; b = a; a = (t1 + t2) | 0;
		}
		state[0] += a; state[1] += b; state[2] += c; state[3] += d;
		state[4] += e; state[5] += f; state[6] += g; state[7] += h;
	}
}
