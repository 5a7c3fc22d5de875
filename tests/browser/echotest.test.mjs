// The distribution's unmodified echotest.html, over WebSocket and over HTTP long polls.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { serveDemos } from './lib/pages.mjs';
import { Server, sleep, until } from './lib/server.mjs';

const RUNS = [
	['Chromium', openChromium, 'WebSocket', (server) => server.ws, ''],
	['Chromium', openChromium, 'WebSocket', (server) => server.ws, '?simulcast=true'],
	['Chromium', openChromium, 'HTTP', (server) => server.http, ''],
	['Firefox', openFirefox, 'WebSocket', (server) => server.ws, ''],
];

for (const [name, open, transport, address, query] of RUNS) {
	describe(`echotest.html${query} in ${name} over ${transport}`, () => {
		let server, browser, demos, page;

		before(async () => {
			server = await Server.start();
			demos = await serveDemos(address(server));
			browser = await open();
			page = await openPage(browser, `${demos.url}/echotest.html${query}`);
		});
		after(async () => {
			await browser?.close();
			demos?.close();
			const how = await server?.stop();
			assert.deepEqual(how, { code: 0, signal: null }, server?.output);
		});

		const visible = (selector) => page.evaluate((s) => !!document.querySelector(s)?.offsetParent, selector);

		test('picture and sound come back', async () => {
			await until(() => page.evaluate(() => window.jQuery?._data(document.getElementById('start'), 'events')?.click), 'page');
			await page.click('#start');
			await until(async () => (await figures(page)).frames > 0, 'frame');
			const first = await figures(page);
			await until(async () => (await figures(page)).frames >= first.frames + 100, '100 more frames', 20000);
			assert.ok((await figures(page)).audioBytes > first.audioBytes);
		});

		if (query.includes('simulcast')) {
			test('the server sees layers and switches between them', async () => {
				const layers = async () => Object.values((await server.handles())[0].webrtc.media)
					.flatMap((medium) => medium['rid-simulcast']?.rid ?? []);
				assert.deepEqual(await layers(), ['h', 'm', 'l']);
				// A busy browser sends fewer layers than it offered: those are tried that it sends now.
				const sent = () => page.evaluate(async () => {
					const frames = {};
					for (const s of (await connections[0].getStats()).values()) {
						if (s.type === 'outbound-rtp' && s.rid) frames[s.rid] = s.framesSent ?? 0;
					}
					return frames;
				});
				const relayed = async () => (await server.handles())[0].plugin_specific.substream;
				const alive = await until(async () => {
					const before = await sent();
					await sleep(2000);
					const after = await sent();
					const growing = ['l', 'm', 'h'].filter((rid) => after[rid] > before[rid] + 5);
					return growing.length >= 2 && growing.map((rid) => ['l', 'm', 'h'].indexOf(rid));
				}, 'two layers', 120000);
				for (const substream of [alive[0], alive[1], alive[0]]) {
					// Chromium ignores keyframe requests soon after another, and the plugin asks once per request.
					await until(async () => {
						await sleep(1000);
						await page.evaluate((substream) => echotest.send({ message: { substream } }), substream);
						await sleep(2000);
						return await relayed() === substream;
					}, `substream ${substream}`);
				}
			});
		}

		test('the data channel echoes', async () => {
			await until(() => page.evaluate(() => !document.getElementById('datasend').disabled), 'open channel');
			await page.evaluate(() => {
				document.getElementById('datasend').value = 'ping';
				sendData();
			});
			await until(() => page.evaluate(() => document.getElementById('datarecv').value.includes('ping')), 'echo');
		});

		test('disabling video stops the frames, enabling it brings them back', async () => {
			await until(() => visible('#togglevideo'), 'buttons');
			await page.evaluate(() => document.getElementById('togglevideo').click());
			await sleep(1500);
			const off = await figures(page);
			await sleep(1500);
			assert.ok((await figures(page)).frames - off.frames <= 1);
			await page.evaluate(() => document.getElementById('togglevideo').click());
			await until(async () => (await figures(page)).frames >= off.frames + 20, 'frames again');
		});

		test('hangup reaches the server', async () => {
			assert.equal((await server.handles()).filter((info) => info.webrtc).length, 1);
			await page.evaluate(() => echotest.hangup(true));
			await until(async () => (await server.handles()).every((info) => !info.webrtc), 'end of the PeerConnection');
		});
	});
}
