// The sender's sum, beside the page's own thread: { add: ArrayBuffer } or { sum: true }.

import { Sha256 } from './sha256.mjs';

const hash = new Sha256();
let sum;

self.onmessage = ({ data }) => {
	if (data.add) hash.add(new Uint8Array(data.add));
	if (data.sum) sum ??= hash.end();
	self.postMessage({ sum });
};
