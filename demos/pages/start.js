// The state of the server, as it says, and as it shows when a connection is made.

import { Janus, Peer } from './janus.mjs';
import { $, panel, state } from './page.mjs';
import { TEXTS } from './texts.mjs';

let peer;
panel(() => (peer ? { trial: peer } : {}));

async function health() {
	try {
		const text = (await (await fetch('healthz', { cache: 'no-store' })).text()).trim();
		const [word, who] = text.split(/: (.*)/s);
		$('health').textContent = { ok: TEXTS.fine, draining: TEXTS.draining }[word] ?? TEXTS.stuck(who ?? text);
	} catch {
		$('health').textContent = TEXTS.noServer;
	}
}

async function info() {
	try {
		const told = await Janus.info();
		$('version').textContent = TEXTS.version(told);
		$('plugins').textContent = Object.keys(told.plugins ?? {}).map((name) => name.replace('janus.plugin.', '')).join(', ');
		state(TEXTS.fine, 'up');
	} catch (error) {
		$('version').textContent = '–';
		state(TEXTS.noServer, 'down');
		$('api').textContent = error.message;
	}
}

/** A data channel with the echo test: no camera is needed, and the packets go where media goes. */
async function trial() {
	$('try').disabled = true;
	$('media').textContent = TEXTS.checking;
	peer?.close();
	let janus;
	try {
		janus = await Janus.connect();
		$('api').textContent = janus.url;
		const handle = await janus.attach('janus.plugin.echotest');
		peer = new Peer(handle, { negotiate: async (offer) => (await handle.message({ audio: false, video: false, data: true }, offer)).jsep });
		const channel = peer.pc.createDataChannel('JanusDataChannel');
		const echoed = new Promise((resolve, reject) => {
			channel.onopen = () => channel.send('?');
			channel.onmessage = resolve;
			setTimeout(() => reject(new Error(TEXTS.unreachable)), 10000);
		});
		await peer.offer();
		await echoed;
		const began = performance.now();
		const again = new Promise((resolve) => { channel.onmessage = resolve; });
		channel.send('?');
		await again;
		const stats = await peer.pc.getStats();
		const pair = [...stats.values()].find((one) => one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded');
		$('media').textContent = TEXTS.reachable(Math.round(performance.now() - began), stats.get(pair?.remoteCandidateId)?.port ?? '?');
	} catch (error) {
		$('media').textContent = error.code === 460 ? TEXTS.absent('echotest') : error.message;
	}
	janus?.close();
	$('try').disabled = false;
}

$('try').onclick = trial;
state(TEXTS.connecting, 'wait');
health();
info();
