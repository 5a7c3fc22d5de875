// A server whose address changes under a browser's call, in a network namespace (see ./run).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openChromium, openFirefox } from '../browser/lib/browsers.mjs';
import { figures, openPage } from '../browser/lib/figures.mjs';
import { servePage } from '../browser/lib/own.mjs';
import { Server, until } from '../browser/lib/server.mjs';

const CLIENT = '10.77.0.20', OLD = '10.78.0.1', NEW = '10.79.0.1';
const ip = (...words) => execFileSync('ip', words);

ip('link', 'set', 'lo', 'up');
for (const name of ['v0', 'v1']) {
	ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-peer`);
	for (const end of [name, `${name}-peer`]) ip('link', 'set', end, 'up');
}
ip('address', 'add', `${CLIENT}/24`, 'dev', 'v0');
// Firefox gathers nothing on a host that leads nowhere.
ip('route', 'add', 'default', 'dev', 'v0');

// Our checks from the new address are enough for Chromium. A lite agent sends none: the page restarts ICE.
const WAYS = [
	['Chromium goes on by itself', openChromium, '', false],
	['Firefox goes on', openFirefox, '', null],
	['Chromium goes on after its ICE restart, ICE lite', openChromium, 'ice_lite = true;', true],
	['Firefox goes on after its ICE restart, ICE lite', openFirefox, 'ice_lite = true;', true],
];

for (const [what, open, nat, restarts] of WAYS) {
	const stays = process.env.JANUS_UNDER_TEST === 'janus' && 'with the reference no call comes through it (docs/network.md)';
	test(what, { skip: stays || (!process.env.LONG && restarts !== false && 'only with --long') }, async () => {
		ip('address', 'add', `${OLD}/24`, 'dev', 'v1');
		const server = await Server.start({ nat: `ice_enforce_list = "${OLD},${NEW}"; ${nat}` });
		const mirror = await servePage(server);
		const browser = await open();
		try {
			const page = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
			await page.click('#start');
			await until(async () => (await figures(page)).frames >= 30, '30 frames');
			const pair = async () => (await server.handles())[0].webrtc.ice['selected-pair'];
			const ufrag = () => page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.connections.at(-1).localDescription.sdp)[1]);
			assert.ok((await pair()).startsWith(`${OLD}:`), await pair());
			const before = await ufrag();
			ip('address', 'add', `${NEW}/24`, 'dev', 'v1');
			ip('address', 'del', `${OLD}/24`, 'dev', 'v1');
			await until(async () => (await pair()).startsWith(`${NEW}:`), 'pair of the new address', 60000);
			const { frames } = await figures(page);
			await until(async () => (await figures(page)).frames >= frames + 30, '30 more frames');
			const restarted = await ufrag() !== before;
			if (restarts !== null) assert.equal(restarted, restarts, 'ICE restart');
			console.log(`${what}: ${restarted ? 'ICE was restarted' : 'no ICE restart'}`);
			assert.equal(await page.evaluate(() => window.connections.length), 1);
		} finally {
			await browser.close();
			mirror.close();
			const how = await server.stop();
			for (const address of [OLD, NEW]) try { ip('address', 'del', `${address}/24`, 'dev', 'v1'); } catch { /* gone */ }
			assert.deepEqual(how, { code: 0, signal: null }, server.output);
		}
	});
}
