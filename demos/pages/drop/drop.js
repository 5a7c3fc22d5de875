// A file from browser to browser. What is said: `offer` (name, size), `want` (from which byte), chunks with their place,
// `have` (so many bytes are on the disk), `sum` (SHA-256), `done`. A `want` may come at any time; that is how it goes on
// after a break.

import { random, sleep } from '../janus.mjs';
import { $, make, panel, show, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';
import { dial, listen } from './wire.mjs';

const CHUNK = 16 * 1024, PIECE = 64 * CHUNK, PLACE = 8;
/** Bytes that may be on their way: the server holds less for somebody slow than a browser does. */
const WINDOW = { direct: 16 * PIECE, server: PIECE / 2 };

const id = location.hash.slice(1);
let wire = null, cancelled = false, isOver = false;

panel(() => wire?.peers ?? {});

const units = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);

/** A worker that is asked one thing after the other. */
function worker(name) {
	const thread = new Worker(new URL(name, import.meta.url), { type: 'module' });
	const waiting = [];
	thread.onmessage = ({ data }) => {
		const { resolve, reject } = waiting.shift();
		if (data.fault) reject(new Error(data.fault));
		else resolve(data);
	};
	return (question, transfer = []) => new Promise((resolve, reject) => {
		waiting.push({ resolve, reject });
		thread.postMessage(question, transfer);
	});
}

let told = { at: 0, done: 0 };

function progress(what, done, size) {
	const now = performance.now();
	$('progress').value = size ? done / size : 1;
	if (now - told.at < 500 && done < size) return;
	const speed = told.at ? ((done - told.done) * 1000) / (now - told.at) : 0;
	told = { at: now, done };
	$('what').textContent = TEXTS.progress(what, wire?.isDirect ? TEXTS.direct : TEXTS.through, units(done), units(size), units(Math.max(speed, 0)));
}

function finished(text, look) {
	isOver = true;
	state(text, look);
	show($('cancel'), false);
}

// ---- Sending

async function give(file) {
	const mine = id || random();
	sessionStorage.setItem('drop', JSON.stringify({ id: mine, name: file.name, size: file.size }));
	history.replaceState(null, '', `#${mine}`);
	$('link').href = $('link').textContent = location.href;
	show($('area'), false);
	show($('give'), true);
	const sender = new Sender(file);
	await listen(mine, (other) => { wire = other; sender.serve(other); }, (text, look) => state(text, look));
	state(TEXTS.waiting, 'wait');
	$('cancel').onclick = () => {
		cancelled = true;
		wire?.say({ cancel: true });
		finished(TEXTS.dropCancelled, 'down');
	};
}

class Sender {
	#hash = worker('hash.mjs');
	/** Bytes that the sum covers. */
	#summed = 0;
	#turn = 0;

	constructor(file) {
		this.file = file;
	}

	serve(other) {
		const { name, size } = this.file;
		let have = 0;
		let acked = () => {};
		other.onmessage = (message) => {
			if (message.want !== undefined) { have = message.want; acked(); this.#send(other, message.want, () => have, (told) => { acked = told; }).catch((error) => state(error.message, 'down')); }
			if (message.have !== undefined) { have = message.have; acked(); progress(TEXTS.sending, have, size); }
			if (message.done !== undefined) finished(message.done ? TEXTS.sent : TEXTS.wrongSum, message.done ? 'up' : 'down');
			if (message.cancel) { this.#turn += 1; finished(TEXTS.dropCancelled, 'down'); }
		};
		other.onclose = () => { this.#turn += 1; acked(); if (!isOver) state(TEXTS.broken, 'wait'); };
		other.say({ offer: { name, size, window: other.isDirect ? WINDOW.direct : WINDOW.server } });
		state(TEXTS.offered(name, units(size)), 'up');
	}

	/** From `start` on; an older turn ends when a new one begins. */
	async #send(other, start, have, onAck) {
		const turn = ++this.#turn;
		const isMine = () => turn === this.#turn && !cancelled;
		const window = other.isDirect ? WINDOW.direct : WINDOW.server;
		const { size } = this.file;
		show($('transfer'), true);
		state(TEXTS.sending, 'up');
		// What is not in the sum yet is read, even if it is there already.
		for (let place = PIECE * Math.floor(Math.min(start, this.#summed) / PIECE); place < size && isMine(); place += PIECE) {
			const piece = await this.file.slice(place, place + PIECE).arrayBuffer();
			for (let at = 0; at < piece.byteLength && isMine(); at += CHUNK) {
				if (place + at + CHUNK <= start) continue;
				while (place + at - have() > window && isMine()) await new Promise(onAck);
				await other.drained();
				if (isMine()) other.send(chunk(piece, place, at));
			}
			if (isMine() && place === this.#summed) {
				this.#summed += piece.byteLength;
				await this.#hash({ add: piece }, [piece]);
			}
		}
		if (!isMine()) return;
		const { sum } = await this.#hash({ sum: true });
		$('sum').textContent = `SHA-256 ${sum}`;
		other.say({ sum });
	}
}

/** Eight bytes say where it belongs. */
function chunk(piece, place, at) {
	const length = Math.min(CHUNK, piece.byteLength - at);
	const message = new Uint8Array(PLACE + length);
	new DataView(message.buffer).setFloat64(0, place + at);
	message.set(new Uint8Array(piece, at, length), PLACE);
	return message;
}

// ---- Receiving

async function take() {
	show($('take'), true);
	const disk = worker('disk.mjs');
	let size, accepted = false;
	const accept = new Promise((resolve) => { $('receive').onclick = () => { accepted = true; resolve(); }; });
	$('cancel').onclick = () => {
		cancelled = true;
		wire?.say({ cancel: true });
		disk({ remove: id }).catch(() => {});
		finished(TEXTS.dropCancelled, 'down');
	};
	while (!cancelled) {
		try {
			state(TEXTS.connecting, 'wait');
			wire = await dial(id);
			const result = await receive(wire);
			wire.close();
			if (result) return;
		} catch (error) {
			wire?.close();
			if (error.final) return finished(error.message, 'down');
			state(error.message, 'wait');
		}
		await sleep(2000);
	}

	/** True when there is nothing more to do; false after a break. */
	function receive(other) {
		return new Promise((resolve, reject) => {
			let parts = [], waiting = 0, next = 0, window = 0;
			const flush = async () => {
				const bytes = parts;
				[parts, waiting] = [[], 0];
				const { have } = await disk({ write: bytes }, bytes.map(({ buffer }) => buffer));
				other.say({ have });
				progress(TEXTS.receiving, have, size);
			};
			other.onclose = () => { if (!isOver) state(TEXTS.broken, 'wait'); resolve(false); };
			other.ondata = (buffer) => {
				if (new DataView(buffer).getFloat64(0) !== next) return;
				const bytes = new Uint8Array(buffer, PLACE);
				parts.push(bytes);
				waiting += bytes.byteLength;
				next += bytes.byteLength;
				if (waiting >= window / 8 || next === size) flush().catch(reject);
			};
			other.onmessage = async (message) => {
				try {
					if (message.cancel) { cancelled = true; finished(TEXTS.dropCancelled, 'down'); resolve(true); }
					if (message.offer) await begin(message.offer);
					if (message.sum) { await end(message.sum); resolve(true); }
				} catch (error) {
					reject(error);
				}
			};
			async function begin(offer) {
				({ size, window } = offer);
				$('offer').textContent = TEXTS.offered(offer.name, units(size));
				$('receive').disabled = false;
				$('save').download = offer.name;
				if (!accepted) state(TEXTS.offered(offer.name, units(size)), 'up');
				await accept;
				show($('transfer'), true);
				$('receive').disabled = true;
				// A start is where whole chunks end, or the end.
				next = (await disk({ open: id, size, chunk: CHUNK })).have;
				state(TEXTS.receiving, 'up');
				if (next) $('resumed').textContent = TEXTS.resumed(units(next));
				progress(TEXTS.receiving, next, size);
				other.say({ want: next });
			}
			async function end(theirs) {
				const { sum } = await disk({ sum: true });
				const isRight = sum === theirs;
				other.say({ done: isRight });
				await sleep(300); // or the word would go with the connection
				$('sum').textContent = `SHA-256 ${sum}`;
				finished(isRight ? TEXTS.received : TEXTS.wrongSum, isRight ? 'up' : 'down');
				if (!isRight) return void await disk({ remove: id });
				await save();
			}
		});
	}

	/** The file lies on the disk; the browser copies it to where downloads go. */
	async function save() {
		const folder = await navigator.storage.getDirectory();
		const file = await (await folder.getFileHandle(`drop-${id}`)).getFile();
		$('save').href = URL.createObjectURL(file);
		for (const name of ['save', 'forget']) show($(name), true);
		$('forget').onclick = async () => { await disk({ remove: id }); for (const name of ['save', 'forget']) show($(name), false); };
	}
}

// ---- The page

const before = JSON.parse(sessionStorage.getItem('drop') ?? 'null');
const isSender = !id || before?.id === id;
if (isSender) {
	show($('area'), true);
	if (id) $('again').textContent = `${before.name}, ${units(before.size)}`;
	const chosen = (file) => {
		if (!file) return;
		if (id && (file.name !== before.name || file.size !== before.size)) return state(TEXTS.otherFile(before.name), 'down');
		give(file).catch((error) => state(error.message, 'down'));
	};
	$('file').onchange = () => chosen($('file').files[0]);
	$('area').ondragover = (event) => { event.preventDefault(); $('area').classList.add('over'); };
	$('area').ondragleave = () => $('area').classList.remove('over');
	$('area').ondrop = (event) => { event.preventDefault(); chosen(event.dataTransfer.files[0]); };
	$('copy').onclick = async () => {
		await navigator.clipboard.writeText(location.href).then(() => state(TEXTS.linkCopied, 'up'), () => getSelection().selectAllChildren($('link')));
	};
} else if (navigator.storage?.getDirectory) {
	take();
} else {
	show($('take'), true);
	state(TEXTS.noDisk, 'down');
}
addEventListener('hashchange', () => location.hash.slice(1) !== JSON.parse(sessionStorage.getItem('drop') ?? '{}').id && location.reload());
addEventListener('pagehide', () => wire?.close());
