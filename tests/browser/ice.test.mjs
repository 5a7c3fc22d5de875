// The ways in which ICE can be set up, each with both browsers.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { servePage } from './lib/own.mjs';
import { Server, until } from './lib/server.mjs';

const ipv6 = Object.values(networkInterfaces()).flat()
	.find((a) => a.family === 'IPv6' && !a.internal && !a.address.startsWith('fe80'))?.address;

const WAYS = [
	['ICE lite', { nat: 'ice_lite = true' }],
	['full trickle', { nat: 'full_trickle = true' }],
	['loopback only', { nat: 'ice_enforce_list = "127.0.0.1"' }],
	['an RTP port range', { media: 'rtp_port_range = "41000-41020"' }],
	['IPv6 only', { media: 'ipv6 = true', nat: `ice_enforce_list = "${ipv6}"` }, !ipv6 && 'this machine has no IPv6 address'],
];

for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	describe(`${name} connects`, () => {
		for (const [way, settings, skip] of WAYS) {
			test(`with ${way}`, { skip }, async () => {
				const server = await Server.start(settings);
				const mirror = await servePage(server);
				const browser = await open();
				try {
					const page = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
					await page.click('#start');
					await until(async () => (await figures(page)).frames >= 30, '30 frames');
					const [info] = await server.handles();
					const pair = info.webrtc.ice['selected-pair'];
					if (way === 'ICE lite') assert.equal(info['ice-mode'], 'lite');
					if (way === 'an RTP port range') assert.match(pair, /^[^:]+:410[012]\d /);
					if (way === 'IPv6 only') assert.ok(pair.startsWith(ipv6), pair);
					if (way === 'loopback only') assert.ok(pair.startsWith('127.0.0.1:'), pair);
				} finally {
					await browser.close();
					mirror.close();
					assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
				}
			});
		}
	});
}
