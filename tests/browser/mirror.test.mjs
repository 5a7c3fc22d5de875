// Our own page, as a user would use it, in both browsers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { servePage } from './lib/mirror.mjs';
import { Server, sleep, until } from './lib/server.mjs';

for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	describe(`the mirror page in ${name}`, () => {
		let server, browser, page, mirror, sockets;

		before(async () => {
			server = await Server.start();
			mirror = await servePage(server);
			sockets = await server.udpSockets();
			browser = await open();
			page = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
		});
		after(async () => {
			await browser?.close();
			mirror?.close();
			const how = await server?.stop();
			assert.deepEqual(how, { code: 0, signal: null }, server?.output);
		});

		const text = (id) => page.evaluate((id) => document.getElementById(id).textContent, id);

		test('sees and hears itself', async () => {
			await page.click('#start');
			await until(async () => (await figures(page)).frames > 0, `frame (${await text('state')})`);
			const first = await figures(page);
			await until(async () => (await figures(page)).frames >= first.frames + 100, '100 more frames', 20000);
			const second = await figures(page);
			assert.ok(second.audioBytes > first.audioBytes, 'sound comes back');
			assert.equal(await text('state'), 'connected');
		});

		test('text over the data channel comes back', async () => {
			await until(() => page.evaluate(() => !document.getElementById('send').disabled), 'open channel');
			await page.evaluate(() => { document.getElementById('message').value = 'hello mirror'; });
			await page.click('#send');
			await until(async () => (await text('echoes')).includes('hello mirror'), 'echo');
		});

		test('muting the picture stops the frames, unmuting brings them back', async () => {
			await page.click('#video');
			await sleep(1500);
			const muted = await figures(page);
			await sleep(1500);
			assert.ok((await figures(page)).frames - muted.frames <= 1, 'no frames while muted');
			await page.click('#video');
			await until(async () => (await figures(page)).frames >= muted.frames + 20, 'frames again');
		});

		test('a photo is a picture', async () => {
			await page.click('#photo');
			const type = await until(() => page.evaluate(async () => {
				const image = document.querySelector('#photos img');
				return image && (await (await fetch(image.src)).blob()).type;
			}), 'photo');
			assert.equal(type, 'image/png');
		});

		test('hanging up ends it on both sides', async () => {
			await page.click('#hangup');
			await until(async () => (await text('state')).startsWith('hung up: Janus API'), 'hangup event');
			await until(async () => (await server.handles()).every((info) => !info.webrtc), 'end of the PeerConnection');
			assert.equal(await server.udpSockets(), sockets, 'no socket is left open');
		});
	});
}
