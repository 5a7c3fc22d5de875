// Browsers and a server that reaches nobody but a TURN relay, in a network namespace (see ./run and relay.py).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openChromium, openFirefox } from '../browser/lib/browsers.mjs';
import { figures, openPage } from '../browser/lib/figures.mjs';
import { servePage } from '../browser/lib/own.mjs';
import { Server, until } from '../browser/lib/server.mjs';

const SERVER = '10.77.0.5', RELAY = '10.77.0.9';
const PORTS = { udp: 3478, tcp: 3478, tls: 5349 };
const BROWSERS = { Chromium: openChromium, Firefox: openFirefox };
/** Each browser once; --long has all pairs. */
const PAIRS = process.env.LONG
	? Object.keys(BROWSERS).flatMap((browser) => Object.keys(PORTS).map((type) => [browser, type]))
	: [['Firefox', 'udp'], ['Chromium', 'tls']];

/** The network and the relay in it. */
async function openRelay(type) {
	const child = spawn('python3', [new URL('relay.py', import.meta.url).pathname, type], { stdio: ['pipe', 'pipe', 'inherit'] });
	const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const certificate = (await lines.next()).value;
	return {
		certificate,
		again: async () => { child.stdin.write('again\n'); await lines.next(); },
		close: async () => {
			const ended = new Promise((resolve) => child.once('exit', resolve));
			child.stdin.end();
			assert.equal(await ended, 0, 'end of relay.py');
		},
	};
}

for (const [name, type] of PAIRS) {
	test(`${name} calls a server that reaches only a relay, by ${type}`, async () => {
		const relay = await openRelay(type);
		if (relay.certificate) process.env.SSL_CERT_FILE = relay.certificate;
		const server = await Server.start({
			general: 'event_loops = 1;',
			nat: `turn_server = "${RELAY}"; turn_port = ${PORTS[type]}; turn_type = "${type}"; turn_user = "janus";
				turn_pwd = "secret"; ice_enforce_list = "${SERVER}";`,
		});
		delete process.env.SSL_CERT_FILE;
		const mirror = await servePage(server);
		const browser = await BROWSERS[name]();
		try {
			const page = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
			await page.click('#start');
			await until(async () => (await figures(page)).frames >= 30, '30 frames');
			const pair = async () => (await server.handles())[0].webrtc.ice['selected-pair'];
			const first = await pair();
			assert.match(first, /^10\.77\.0\.9:\d+ \[relay,udp\] <-> 10\.77\.0\.\d+:\d+ \[\w+,udp\]$/);
			const send = () => page.evaluate(() => {
				document.querySelector('#message').value = 'through a relay';
				document.querySelector('#form').requestSubmit();
			});
			await until(() => page.evaluate(() => !document.querySelector('#send').disabled), 'open channel');
			await send();
			await until(async () => (await figures(page)).messages >= 1, 'message');
			if (!server.isReference) {
				await relay.again();
				await until(async () => await pair() !== first, 'another relayed address');
				const { frames } = await figures(page);
				await until(async () => (await figures(page)).frames >= frames + 30, '30 more frames');
			}
		} finally {
			await browser.close();
			mirror.close();
			const how = await server.stop();
			await relay.close();
			assert.deepEqual(how, { code: 0, signal: null }, server.output);
		}
	});
}
