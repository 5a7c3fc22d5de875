// Browsers and a server that reaches nobody but a TURN relay, in a network namespace (see ./run and relay.py).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from '../browser/lib/browsers.mjs';
import { figures, openPage } from '../browser/lib/figures.mjs';
import { servePage } from '../browser/lib/mirror.mjs';
import { Server, until } from '../browser/lib/server.mjs';

const [SERVER, RELAY, CLIENT] = ['10.77.0.5', '10.77.0.9', '10.77.0.20'];
const ip = (...words) => execFileSync('ip', words);

ip('link', 'set', 'lo', 'up');
const pair = (...ends) => {
	ip('link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1]);
	ends.forEach((end) => ip('link', 'set', end, 'up'));
};
pair('v1', 'v1-peer');
[CLIENT, SERVER, RELAY].forEach((address) => ip('address', 'add', `${address}/24`, 'dev', 'v1'));
// UDP between the server and anything but the relay's own port vanishes, in front of the local routes.
pair('nowhere', 'nobody');
['nowhere', 'nobody'].forEach((end) => ip('link', 'set', end, 'arp', 'off'));
ip('route', 'add', 'default', 'dev', 'nowhere', 'table', '100');
ip('rule', 'add', 'priority', '10', 'table', 'local');
ip('rule', 'delete', 'priority', '0');
const rules = [
	['from', SERVER, 'to', RELAY, 'ipproto', 'udp', 'dport', '3478', 'lookup', 'local'],
	['from', RELAY, 'to', SERVER, 'ipproto', 'udp', 'sport', '3478', 'lookup', 'local'],
	['from', SERVER, 'ipproto', 'udp', 'lookup', '100'],
	['to', SERVER, 'ipproto', 'udp', 'lookup', '100'],
];
rules.forEach((rule, index) => ip('rule', 'add', 'priority', `${index + 1}`, ...rule));

const folder = mkdtempSync(join(tmpdir(), 'relay-test-'));
let relay;
const startRelay = () => {
	relay = spawn('turnserver', ['-n', '--log-file', 'stdout', '--no-cli', '--no-tls', '--no-dtls', '--listening-ip', RELAY,
		'--relay-ip', RELAY, '--listening-port', '3478', '--lt-cred-mech', '--realm', 'relay.test', '--user', 'janus:secret',
		'--pidfile', join(folder, 'pid'), '--userdb', join(folder, 'db')], { cwd: folder, stdio: 'ignore' });
};
const stopRelay = () => new Promise((resolve) => {
	relay.once('exit', resolve);
	relay.kill('SIGKILL');
});

before(startRelay);
after(async () => {
	await stopRelay();
	rmSync(folder, { recursive: true });
});

for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	for (const type of ['udp', 'tcp']) {
		describe(`${name}, relay by ${type}`, () => {
			test('the echo comes back, also after the relay was started again', async () => {
				const server = await Server.start({
					general: 'event_loops = 1;',
					nat: `turn_server = "${RELAY}"; turn_type = "${type}"; turn_user = "janus"; turn_pwd = "secret";
						ice_enforce_list = "${SERVER}";`,
				});
				const mirror = await servePage(server);
				const browser = await open();
				try {
					const page = await openPage(browser, `${mirror.url}?server=${encodeURIComponent(server.ws)}`);
					await page.click('#start');
					await until(async () => (await figures(page)).frames >= 30, '30 frames');
					const pair = async () => (await server.handles())[0].webrtc.ice['selected-pair'];
					const first = await pair();
					assert.match(first, /^10\.77\.0\.9:\d+ \[relay,udp\] <-> 10\.77\.0\.\d+:\d+ \[\w+,udp\]$/);
					await stopRelay();
					startRelay();
					await until(async () => (await pair()) !== first, 'another relayed address');
					const { frames } = await figures(page);
					await until(async () => (await figures(page)).frames >= frames + 30, '30 more frames');
				} finally {
					await browser.close();
					mirror.close();
					assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output);
				}
			});
		});
	}
}
