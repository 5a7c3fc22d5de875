// Transceivers that are stopped, and m-lines that are used again, in running calls.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { openPage } from './lib/figures.mjs';
import { servePage } from './lib/own.mjs';
import { withSample } from './lib/echo.mjs';
import { Server, until } from './lib/server.mjs';

const reference = process.env.JANUS_UNDER_TEST === 'janus';

/** In the page. */
async function connect() {
	const { Janus, Peer } = await import('/janus.mjs');
	const janus = await Janus.connect();
	const handle = await janus.attach('janus.plugin.echosample');
	window.peer = new Peer(handle, { negotiate: async (offer) => (await handle.message({}, offer)).jsep });
	window.stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
	const { pc } = window.peer;
	for (const kind of ['audio', 'video']) pc.addTransceiver(window.stream.getTracks().find((track) => track.kind === kind));
	window.channel = pc.createDataChannel('data');
	window.heard = 0;
	window.channel.onmessage = () => { window.heard += 1; };
	window.arrived = async (kind) => {
		const stats = [...(await pc.getStats()).values()].filter((one) => one.type === 'inbound-rtp' && one.kind === kind);
		return Math.max(0, ...stats.filter(({ mid }) => mid === undefined || pc.getTransceivers().some((one) => one.mid === mid))
			.map((one) => one.packetsReceived));
	};
	await window.peer.offer();
}

/**
 * In the page. By the transport that it has opened Firefox sometimes sends nothing: its packets are counted as sent, and none of them
 * is by the pair that it has selected. (To another Firefox and to Chromium it was so each time; the channel was closed as well.)
 */
async function sends() {
	const { pc } = window.peer;
	const sent = async () => {
		const stats = [...(await pc.getStats()).values()];
		const packets = stats.find((one) => one.type === 'outbound-rtp' && one.kind === 'video')?.packetsSent ?? 0;
		return [packets, stats.find((one) => one.type === 'candidate-pair' && one.selected)?.bytesSent ?? 0];
	};
	const [packets, bytes] = await sent();
	for (;;) {
		const now = await sent();
		if (now[1] > bytes + 20000) return true;
		if (now[0] > packets + 300) return false;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	const isFirefox = name === 'Firefox';
	describe(`${name} negotiates again`, { skip: reference && 'both browsers refuse the answer' }, () => {
		test('the first m-line ends, and is used again by another name', async (t) => {
			const sample = await withSample();
			const server = await Server.start({ general: sample.general });
			const pages = await servePage(server);
			const browser = await open();
			try {
				const page = await openPage(browser, `${pages.url}?server=${encodeURIComponent(server.ws)}`);
				await page.evaluate(connect);
				const arrived = (kind) => page.evaluate((kind) => window.arrived(kind), kind);
				const goesOn = async (kind) => {
					const before = await arrived(kind);
					await until(async () => await arrived(kind) >= before + 30, `${kind} that goes on`);
				};
				const echoes = async () => {
					const before = await page.evaluate(() => window.heard);
					await page.evaluate(() => window.channel.send('still here'));
					await until(() => page.evaluate((before) => window.heard > before, before), 'answer on the channel');
				};
				await goesOn('audio');
				await goesOn('video');
				await echoes();

				await page.evaluate(async () => { window.peer.pc.getTransceivers()[0].stop(); await window.peer.offer(); });
				const lines = (which) => page.evaluate((which) => window.peer.pc[which].sdp.match(/^m=\w+ \d+/gm), which);
				assert.match((await lines('localDescription'))[0], /^m=audio 0$/);
				assert.match((await lines('remoteDescription'))[0], /^m=audio 0$/);
				// Under the credentials that it has: the PeerConnection is the same, and nobody restarts ICE.
				const agents = () => server.output.match(/Creating ICE agent/g).length;
				await until(async () => server.output.includes('The peer opens another transport') || agents() > 1, 'other transport');
				await until(() => page.evaluate(() => window.peer.pc.connectionState === 'connected'), 'connection');
				if (isFirefox && agents() > 1) {
					// The end of the call, and its page has begun it anew.
					t.diagnostic('Firefox closed its transport before its offer was here');
					return;
				}
				assert.doesNotMatch(await page.evaluate(() => window.connections[0].life.join()), /failed/);
				assert.equal(agents(), 1);
				const mute = async () => {
					const is = isFirefox && !await page.evaluate(sends);
					if (is) t.diagnostic('Firefox sends nothing by its own new transport');
					return is;
				};
				if (await mute()) return;
				await goesOn('video');
				await echoes();

				const mid = await page.evaluate(async () => {
					const transceiver = window.peer.pc.addTransceiver(window.stream.getAudioTracks()[0]);
					await window.peer.offer();
					return transceiver.mid;
				});
				assert.notEqual(mid, '0');
				assert.equal((await lines('localDescription')).length, 3, 'the m-line is used again');
				// It moves back.
				if (await mute()) return;
				await goesOn('audio');
				await goesOn('video');
				await echoes();
				const [info] = await server.handles();
				assert.ok(Object.values(info.webrtc.media).some((medium) => medium.mid === mid), `mid ${mid}`);
			} finally {
				await browser.close();
				pages.close();
				const how = await server.stop();
				await sample.remove();
				assert.deepEqual(how, { code: 0, signal: null }, server.output);
			}
		});
	});
}
