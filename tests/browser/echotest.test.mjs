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
				const relayed = async () => (await server.handles())[0].plugin_specific.substream;
				for (const substream of [0, 2, 1]) {
					await page.evaluate((substream) => echotest.send({ message: { substream } }), substream);
					await until(async () => await relayed() === substream, `substream ${substream}`, 60000);
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
