// The receiver's file, in the browser's private folder (OPFS), written in place so that a break loses nothing, and its sum.

import { Sha256 } from './sha256.mjs';

const PIECE = 1 << 20, DAY_MS = 24 * 3600 * 1000;
let access, hash;

/** From what is there already, whole chunks stay. */
async function open({ open: id, size, chunk }) {
	access?.close();
	const folder = await navigator.storage.getDirectory();
	await sweep(folder);
	access = await (await folder.getFileHandle(`drop-${id}`, { create: true })).createSyncAccessHandle();
	const there = access.getSize();
	const have = there >= size ? size : there - (there % chunk);
	access.truncate(have);
	hash = new Sha256();
	const piece = new Uint8Array(PIECE);
	while (hash.length < have) hash.add(piece.subarray(0, access.read(piece, { at: hash.length })));
	return { have };
}

/** Files of others that nobody came back for. */
async function sweep(folder) {
	for await (const [name, handle] of folder.entries()) {
		if (!name.startsWith('drop-')) continue;
		const { lastModified } = await handle.getFile();
		if (Date.now() - lastModified > DAY_MS) await folder.removeEntry(name).catch(() => {});
	}
}

function write(parts) {
	for (const bytes of parts) {
		access.write(bytes, { at: hash.length });
		hash.add(bytes);
	}
	return { have: hash.length };
}

function sum() {
	access.flush();
	access.close();
	access = null;
	return { sum: hash.end() };
}

async function remove(id) {
	access?.close();
	access = null;
	await (await navigator.storage.getDirectory()).removeEntry(`drop-${id}`);
	return {};
}

let turn = Promise.resolve();
self.onmessage = ({ data }) => {
	const work = async () => (data.open ? open(data) : data.write ? write(data.write) : data.sum ? sum() : remove(data.remove));
	turn = turn.then(work).then((answer) => self.postMessage(answer), (error) => self.postMessage({ fault: error.message }));
};
