// A call by Chromium through one generation of each form of the RTP packet struct, all in one process.

import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openChromium } from '../browser/lib/browsers.mjs';
import { figures, openPage } from '../browser/lib/figures.mjs';
import { Server, until } from '../browser/lib/server.mjs';

const FORMS = ['A1', 'A4', 'A9', 'A10', 'B1', 'B4', 'B5', 'B6'];

/** In the page: a client of the Janus API as short as can be, and one call with picture, sound and data. */
async function call(address, plugin) {
	const socket = new WebSocket(address, 'janus-protocol');
	await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
	const waiting = new Map();
	socket.onmessage = ({ data }) => {
		const message = JSON.parse(data);
		if (message.janus === 'ack') return;
		waiting.get(message.transaction)?.(message);
	};
	let number = 0;
	const ask = (request) => new Promise((resolve) => {
		const transaction = `t${number++}`;
		waiting.set(transaction, resolve);
		socket.send(JSON.stringify({ transaction, ...request }));
	});
	const session_id = (await ask({ janus: 'create' })).data.id;
	const handle_id = (await ask({ janus: 'attach', session_id, plugin })).data.id;
	const message = (body, jsep) => ask({ janus: 'message', session_id, handle_id, body, ...jsep && { jsep } });
	const pc = new RTCPeerConnection();
	const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
	for (const track of stream.getTracks()) pc.addTrack(track, stream);
	const channel = pc.createDataChannel('JanusDataChannel');
	window.messages = [];
	channel.onmessage = ({ data }) => window.messages.push(data);
	channel.onopen = () => channel.send('from Chromium');
	const gathered = new Promise((resolve) => { pc.onicecandidate = ({ candidate }) => candidate ?? resolve(); });
	await pc.setLocalDescription(await pc.createOffer());
	await gathered;
	const event = await message({ request: 'call' }, pc.localDescription.toJSON());
	await pc.setRemoteDescription(event.jsep);
	window.report = async () => (await message({ request: 'report' })).plugindata.data;
	window.hangup = () => message({ request: 'hangup' });
}

describe('a plugin of each packet form in Chromium', () => {
	let folder, server, browser, web;

	before(async () => {
		folder = await mkdtemp(path.join(tmpdir(), 'janus-dialects-'));
		for (const name of FORMS) {
			const file = `libdialect_${name}.so`;
			await cp(path.join(process.env.DIALECTS, name, file), path.join(folder, file));
		}
		const overrides = FORMS.map((name) => `libdialect_${name}.so=${name}`);
		server = await Server.start({
			general: `plugins_folder = "${folder}";`, plugins: `abi_generations = "${overrides}"`,
		});
		browser = await openChromium();
		// Any page will do, as long as its origin is trusted with a camera.
		web = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<p>'));
		await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve));
	});
	after(async () => {
		await browser?.close();
		web?.close();
		const how = await server?.stop();
		await rm(folder, { recursive: true });
		assert.deepEqual(how, { code: 0, signal: null }, server?.output);
	});

	for (const name of FORMS) {
		test(name, async () => {
			const page = await openPage(browser, `http://localhost:${web.address().port}/`);
			await page.evaluate(`(${call})(${JSON.stringify(server.ws)}, 'org.example.dialect.${name}')`);
			await until(async () => {
				const { frames, audioBytes } = await figures(page);
				return frames >= 30 && audioBytes > 1000;
			}, 'picture and sound');
			await until(() => page.evaluate(() => window.messages.includes('from Chromium')), 'echo');
			const { dialect, answer } = await page.evaluate(() => window.report());
			assert.equal(dialect, name);
			assert.ok(answer.audio.packets > 0 && answer.video.packets > 0, JSON.stringify(answer));
			assert.ok(answer.audio.with_extension > 0 && answer.video.rtcp > 0, JSON.stringify(answer));
			assert.deepEqual([answer.data.texts, answer.misplaced, answer.overrun, answer.setups], [1, 0, 0, 1]);
			await page.evaluate(() => window.hangup());
			await until(async () => (await page.evaluate(() => window.report())).answer.hangups === 1, 'end of the call');
			await page.close();
		});
	}
});
