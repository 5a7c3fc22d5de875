// Browsers behind a network that lets no UDP through, in a network namespace (see ./run).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openChromium, openFirefox } from '../browser/lib/browsers.mjs';
import { figures, openPage } from '../browser/lib/figures.mjs';
import { servePage } from '../browser/lib/own.mjs';
import { Server, until } from '../browser/lib/server.mjs';

const ADDRESS = '10.77.0.5';
const ip = (...words) => execFileSync('ip', words);

ip('link', 'set', 'lo', 'up');
ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v0-peer');
for (const end of ['v0', 'v0-peer']) ip('link', 'set', end, 'up');
ip('address', 'add', `${ADDRESS}/24`, 'dev', 'v0');
// Firefox gathers nothing on a host that leads nowhere.
ip('route', 'add', 'default', 'dev', 'v0');
try {
	// Datagrams get lost: all on this host go through lo. At 23 the Ethernet frame has the protocol of IPv4; 2 drops, 0 lets pass.
	execFileSync('tc', ['qdisc', 'add', 'dev', 'lo', 'clsact'], { stdio: 'ignore' });
	execFileSync('tc', ['filter', 'add', 'dev', 'lo', 'ingress', 'bpf', 'da', 'bytecode', '4,48 0 0 23,21 0 1 17,6 0 0 2,6 0 0 0'],
		{ stdio: 'ignore' });
} catch {
	// Where the kernel has no such filter: no route for UDP, in front of the local one.
	ip('rule', 'add', 'priority', '2', 'table', 'local');
	ip('rule', 'delete', 'priority', '0');
	ip('rule', 'add', 'priority', '1', 'ipproto', 'udp', 'prohibit');
}

// Either browser passes either way; two of the four are enough.
const WAYS = [['Chromium', openChromium, 'full ICE', ''], ['Firefox', openFirefox, 'ICE lite', 'ice_lite = true;']];

for (const [name, open, way, nat] of WAYS) {
	test(`${name} connects by TCP, ${way}`, async () => {
		const server = await Server.start({ nat: `ice_tcp = true; ${nat}` });
		const mirror = await servePage(server);
		const browser = await open();
		try {
			const page = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
			await page.click('#devices button');
			await until(() => page.evaluate(() => document.querySelector('#devices video').videoWidth > 0), 'own picture');
			await page.click('#start');
			await until(async () => (await figures(page)).frames >= 30, '30 frames');
			const [info] = await server.handles();
			const pair = info.webrtc.ice['selected-pair'];
			assert.match(pair, /^10\.77\.0\.5:\d+ \[host,tcp\] <-> 10\.77\.0\.5:\d+ \[prflx,tcp\]$/);
		} finally {
			await browser.close();
			mirror.close();
			assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
		}
	});
}
