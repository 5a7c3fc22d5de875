// A data channel that says everything back, in Node.js: an offer on one line of the input, the answer on one of the output,
// both as browsers write them ({"type": …, "sdp": …}). SIGINT ends it.
//
//	npm install ./bindings/node && node echo.mjs

import process from 'node:process';
import readline from 'node:readline';
import { Core } from 'janus-rs';

const config = process.env.ADDRESSES ? { 'nat.ice_enforce_list': process.env.ADDRESSES } : {};
const core = await Core.start({ config });

function answer(offer) {
	const peer = core.peer();
	peer.on('state', (state) => console.error(state));
	peer.on('closed', (reason) => console.error(`closed: ${reason}`));
	peer.on('channel', (channel) => channel.on('message', (message) => channel.send(message)));
	peer.accept(offer);
	console.log(JSON.stringify({ type: 'answer', sdp: peer.describe() }));
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
	try {
		answer(line);
	} catch (error) {
		console.error(error.message);
	}
});
process.once('SIGINT', async () => {
	lines.close();
	process.stdin.destroy();
	await core.close();
	console.error('bye');
});
