// examples/embedding/kore_room.c: two forked workers of kore in chroot, as another user, with few system calls, and the process that has
// the private key. Over https and wss, two browsers see each other, and each worker has rooms of its own.

import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { examples, run, Sample } from './lib/sample.mjs';
import { freePort, until } from './lib/server.mjs';

const skip = process.env.JANUS_UNDER_TEST === 'janus' ? 'the reference is no library'
	: process.getuid() !== 0 && 'chroot is for root';

/** As examples/README.md says it. */
const certificates = `
openssl genrsa -traditional -out key.pem 2048
openssl req -x509 -key key.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out certificate.pem
sed -i 's/ RSA PRIVATE / rsa PRIVATE /' key.pem
openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out dh.pem
chmod 400 key.pem
chown nobody key.pem
`;

/** Paths of a domain are those in the key manager's chroot. */
const config = (folder, port) => `
workers 2
worker_accept_threshold 1
root ${folder}/root
runas nobody
keymgr_root ${folder}/keys
keymgr_runas nobody
tls_dhparam ${folder}/keys/dh.pem
validator v_number regex ^[0-9]+$
server web {
	bind 127.0.0.1 ${port}
}
load ${folder}/kore_room.so
domain * {
	attach web
	certfile /certificate.pem
	certkey /key.pem
	route / page
	route /ws door
	params qs:get /ws {
		validate worker v_number
	}
}
`;

describe('rooms in kore', { skip }, () => {
	let sample, folder, port, chromium, firefox;

	before(async () => {
		sample = await Sample.compile('kore_room', ['-shared', '-fPIC'], 'kore_room.so');
		folder = sample.folder;
		const keys = path.join(folder, 'keys');
		await Promise.all([mkdir(path.join(folder, 'root')), mkdir(keys)]);
		await run('sh', ['-ec', certificates], { cwd: keys });
		const ca = await readFile(path.join(keys, 'certificate.pem'));
		port = await freePort();
		await writeFile(path.join(folder, 'kore.conf'), config(folder, port));
		const { stdout } = await run('sh', ['-c', 'ls /usr/lib/*/janus/plugins/libjanus_videoroom.so']);
		const address = (await run('hostname', ['-I'])).stdout.split(' ')[0];
		sample.start(['kore', '-f', '-c', path.join(folder, 'kore.conf')], {
			ROOM_PLUGIN: stdout.trim(), ADDRESSES: address, ROOM_PAGE: path.join(examples, 'kore_room.html'),
		});
		[chromium, firefox] = await Promise.all([openChromium({ anyCertificate: true }), openFirefox({ anyCertificate: true })]);
		await until(() => new Promise((done) => {
			https.get({ host: 'localhost', family: 4, port, ca, agent: false }, (reply) => done(reply.resume().statusCode === 200))
				.on('error', () => done(false));
		}), 'web server');
	});
	after(async () => {
		await Promise.all([chromium?.close(), firefox?.close()]);
		await sample?.stop();
	});

	const url = (worker = '') => `https://localhost:${port}/${worker}`;

	async function join(browser, worker) {
		const page = await browser.page();
		await page.goto(url(worker));
		await page.click('#join');
		const log = () => page.evaluate(() => document.getElementById('log').textContent);
		await until(async () => await log() === 'joined', 'room');
		return page;
	}

	/** How long the others' cameras have been shown. */
	const shown = (page) => page.evaluate(() => [...document.querySelectorAll('video')]
		.map((video) => video.videoWidth > 0 ? video.currentTime : 0));

	test('two browsers see each other', async () => {
		const first = await join(chromium);
		const second = await join(firefox, new URL(await first.evaluate(() => location.href)).hash);
		for (const page of [first, second]) {
			await until(async () => { const [seconds] = await shown(page); return seconds > 1; }, 'pictures');
		}
		await second.close();
		await until(async () => (await shown(first)).length === 0, 'end of the picture');
	});

	test('both workers serve, in chroot, as another user, and break no rule', async () => {
		for (const worker of ['#1', '#2']) {
			assert.equal(new URL(await (await join(chromium, worker)).evaluate(() => location.href)).hash, worker);
		}
		const pids = (await run('pgrep', ['-P', String(sample.process.pid)])).stdout.trim().split('\n');
		const roots = [];
		for (const pid of pids) {
			const { stdout } = await run('sh', ['-c', `readlink /proc/${pid}/root; grep -E '^(Uid|Seccomp):' /proc/${pid}/status`]);
			assert.match(stdout, /\nUid:\t65534\t.*\nSeccomp:\t2/);
			roots.push(path.relative(folder, stdout.split('\n')[0]));
		}
		assert.deepEqual(roots.sort(), ['keys', 'root', 'root'], sample.output);
		assert.doesNotMatch(sample.output, /seccomp violation|exited|restarting/);
	});
});
