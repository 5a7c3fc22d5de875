// Our own page, as a user would use it, in both browsers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { servePage } from './lib/own.mjs';
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

		test('is a mirror before there is any server', async () => {
			await page.click('#devices button');
			await until(() => page.evaluate(() => document.querySelector('#devices video').videoWidth > 0), 'own picture');
			assert.equal(await page.evaluate(() => window.connections.length), 0);
		});

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
			const echo = await until(async () => (await text('echoes')).match(/hello mirror \(.*\)/)?.[0], 'echo');
			assert.match(echo, /\(\d+ ms\)$/);
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

		test('hanging up ends it on both sides', async () => {
			await page.click('#hangup');
			await until(async () => (await text('state')).startsWith('hung up: Janus API'), 'hangup event');
			await until(async () => (await server.handles()).every((info) => !info.webrtc), 'end of the PeerConnection');
			assert.equal(await server.udpSockets(), sockets, 'no socket is left open');
		});

		test('a codec and layers can be chosen', async () => {
			await page.goto(`${mirror.url}?server=${encodeURIComponent(server.ws)}&videocodec=vp8`);
			await page.click('#simulcast');
			await page.click('#start');
			const width = () => page.evaluate(() => document.getElementById('remote').videoWidth);
			for (const layer of [1, 0]) {
				await until(() => page.evaluate((layer) => {
					const button = document.querySelector(`[data-layer="${layer}"]`);
					if (button.getAttribute('aria-pressed') !== 'true') button.click();
					return button.getAttribute('aria-pressed') === 'true';
				}, layer), `layer ${layer} (${await text('state')})`);
				await until(async () => await width() === [320, 640][layer], `width of layer ${layer}`);
			}
			const codecs = await page.evaluate(async () => [...(await window.connections.at(-1).getStats()).values()]
				.filter((one) => one.type === 'codec').map((one) => one.mimeType));
			assert.ok(codecs.includes('video/VP8') && !codecs.includes('video/VP9'), codecs.join());
			await page.click('#hangup');
		});
	});
}
