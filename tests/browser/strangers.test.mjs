// Browsers that are the DTLS client, among ClientHellos of somebody who writes their address: they are asked for a cookie.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { servePage } from './lib/own.mjs';
import { DIVERT, openRelay } from './lib/relay.mjs';
import { Server, until } from './lib/server.mjs';

describe('among ClientHellos of a stranger', () => {
	for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
		test(`${name} connects, asked for one cookie`, async () => {
			// Of a lite agent there is no other way to the browser.
			const server = await Server.start({ nat: 'ice_lite = true' });
			const mirror = await servePage(server);
			const relay = await openRelay();
			const browser = await open();
			try {
				const url = `${mirror.url}?server=${encodeURIComponent(server.ws)}`;
				const page = await openPage(browser, url, { script: DIVERT, functions: { relayed: relay.readdress } });
				await page.click('#start');
				await until(async () => (await figures(page)).frames >= 30, '30 frames');
				assert.ok(relay.requests.length > 0, 'a cookie is asked for');
				assert.ok(relay.requests.every((number) => number === 0), `requests ${relay.requests}`);
			} finally {
				await browser.close();
				relay.close();
				mirror.close();
				assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
			}
		});
	}
});
