// Browsers behind a NAT that forgets their mapping in mid-call, in a network namespace (see ./run).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openChromium, openFirefox } from '../browser/lib/browsers.mjs';
import { figures, openPage } from '../browser/lib/figures.mjs';
import { BEHIND, openNat } from '../browser/lib/nat.mjs';
import { servePage } from '../browser/lib/own.mjs';
import { Server, until } from '../browser/lib/server.mjs';

const ip = (...words) => execFileSync('ip', words);
ip('link', 'set', 'lo', 'up');
ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v0-peer');
for (const end of ['v0', 'v0-peer']) ip('link', 'set', end, 'up');
ip('address', 'add', '10.77.0.5/24', 'dev', 'v0');
// Firefox gathers nothing on a host that leads nowhere.
ip('route', 'add', 'default', 'dev', 'v0');

const WAYS = [
	['Chromium', openChromium, 'full ICE', ''],
	['Firefox', openFirefox, 'full ICE', ''],
	['Chromium', openChromium, 'ICE lite', 'ice_lite = true;'],
	['Firefox', openFirefox, 'ICE lite', 'ice_lite = true;'],
];

for (const [name, open, way, nat] of WAYS) {
	test(`${name} behind a NAT that rebinds, ${way}`, { skip: !process.env.LONG && 'only with --long' }, async () => {
		const server = await Server.start({ nat });
		const mirror = await servePage(server);
		const between = await openNat();
		const browser = await open();
		try {
			const url = `${mirror.url}?server=${encodeURIComponent(server.ws)}`;
			const page = await openPage(browser, url, { script: BEHIND, functions: { relayed: between.readdress } });
			await page.click('#start');
			await until(async () => (await figures(page)).frames >= 30, '30 frames');
			const pair = async () => (await server.handles())[0].webrtc.ice['selected-pair'];
			const ufrag = () => page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.connections.at(-1).localDescription.sdp)[1]);
			const before = await ufrag();
			assert.match(await pair(), new RegExp(`<-> \\S+:${between.port} `));
			await between.rebind();
			await until(async () => new RegExp(`<-> \\S+:${between.port} `).test(await pair()), 'pair of the new mapping');
			const { frames } = await figures(page);
			await until(async () => (await figures(page)).frames >= frames + 30, '30 more frames');
			assert.equal(await ufrag(), before, 'no ICE restart');
		} finally {
			await browser.close();
			between.close();
			mirror.close();
			assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
		}
	});
}
