// The status page, with a call of the mirror page beside it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium } from './lib/browsers.mjs';
import { openPage } from './lib/figures.mjs';
import { servePage } from './lib/own.mjs';
import { Server, until } from './lib/server.mjs';

describe('the status page in Chromium', () => {
	let server, browser, mirror, status, url;
	const errors = [];

	before(async () => {
		server = await Server.start();
		url = `http://127.0.0.1:${server.webPort}`;
		mirror = await servePage(server);
		browser = await openChromium();
		const caller = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
		await caller.click('#devices button');
		await until(() => caller.evaluate(() => document.querySelector('#devices video').videoWidth > 0), 'own picture');
		await caller.click('#start');
		status = await browser.page();
		status.on('pageerror', (error) => errors.push(error.message));
		status.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
	});
	after(async () => {
		await browser?.close();
		mirror?.close();
		const how = await server?.stop();
		assert.deepEqual(how, { code: 0, signal: null }, server?.output);
	});

	const text = (selector) => status.evaluate((selector) => document.querySelector(selector)?.textContent ?? '', selector);

	test('strangers see nothing of it', async () => {
		for (const path of ['/status', '/status.json', '/status.js', '/metrics']) {
			assert.equal((await fetch(url + path)).status, 401, path);
		}
	});

	test('shows the call, with figures that go on', async () => {
		await status.setExtraHTTPHeaders({ authorization: `Basic ${Buffer.from('anybody:janusoverlord').toString('base64')}` });
		await status.goto(`${url}/status`);
		await until(async () => (await text('#state')) === 'serving', 'answer');
		await until(async () => (await text('#calls')).includes('connected'), 'call');
		assert.match(await text('#calls h3'), /janus\.plugin\.echotest/);
		// A line for each direction and the round trip, which grows with each answer.
		const values = () => status.evaluate(() => [...document.querySelectorAll('#calls svg polyline')]
			.map((line) => line.getAttribute('points').split(' ').length));
		await until(async () => (await values()).length === 3 && (await values())[0] >= 4, 'four values');
		await until(async () => /[1-9]\d* kbit\/s/.test(await text('#calls')), 'rate');
		assert.match(await text('#totals'), /sessions1.*|1sessions/);
	});

	test('shows workers, modules and the end of the log', async () => {
		assert.match(await text('#workers'), /\/s/);
		assert.match(await text('#modules'), /janus\.plugin\.videoroom/);
		assert.match(await text('#modules'), /B3/);
		await until(async () => (await text('#log')).includes('The DTLS handshake has been completed'), 'line');
		assert.deepEqual(errors, []);
	});
});
