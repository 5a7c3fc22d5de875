// examples/embedding/kore_room.c: two forked workers of kore in chroot, as another user, with few system calls. Two browsers see
// each other, and each worker has rooms of its own.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { examples, run, Sample } from './lib/sample.mjs';
import { freePort, until } from './lib/server.mjs';

const skip = process.env.JANUS_UNDER_TEST === 'janus' ? 'the reference is no library'
	: process.getuid() !== 0 && 'chroot is for root';

/** Debian's kore cannot sign TLS handshakes with its OpenSSL: a module without the library gets no further. */
const config = (folder, port) => `
workers 2
worker_accept_threshold 1
root ${folder}/root
runas nobody
validator v_number regex ^[0-9]+$
server web {
	bind 127.0.0.1 ${port}
	tls no
}
load ${folder}/kore_room.so
domain * {
	attach web
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
		await mkdir(path.join(folder, 'root'));
		port = await freePort();
		await writeFile(path.join(folder, 'kore.conf'), config(folder, port));
		const { stdout } = await run('sh', ['-c', 'ls /usr/lib/*/janus/plugins/libjanus_videoroom.so']);
		const address = (await run('hostname', ['-I'])).stdout.split(' ')[0];
		sample.start(['kore', '-f', '-c', path.join(folder, 'kore.conf')], {
			ROOM_PLUGIN: stdout.trim(), ADDRESSES: address, ROOM_PAGE: path.join(examples, 'kore_room.html'),
		});
		[chromium, firefox] = await Promise.all([openChromium(), openFirefox()]);
		await until(() => fetch(`http://127.0.0.1:${port}/`).then((reply) => reply.ok, () => false), 'web server');
	});
	after(async () => {
		await Promise.all([chromium?.close(), firefox?.close()]);
		await sample?.stop();
	});

	const url = (worker = '') => `http://localhost:${port}/${worker}`;

	async function join(browser, worker) {
		const page = await browser.page();
		await page.goto(url(worker));
		await page.click('#join');
		const log = () => page.evaluate(() => document.getElementById('log').textContent);
		await until(async () => await log() === 'joined', 'room', 60000);
		return page;
	}

	/** How long the others' cameras have been shown. */
	const shown = (page) => page.evaluate(() => [...document.querySelectorAll('video')]
		.map((video) => video.videoWidth > 0 ? video.currentTime : 0));

	test('two browsers see each other', async () => {
		const first = await join(chromium);
		const second = await join(firefox, new URL(await first.evaluate(() => location.href)).hash);
		for (const page of [first, second]) {
			await until(async () => { const [seconds] = await shown(page); return seconds > 1; }, 'pictures', 60000);
		}
		await second.close();
		await until(async () => (await shown(first)).length === 0, 'end of the picture', 60000);
	});

	test('both workers serve, in chroot, as another user, and break no rule', async () => {
		for (const worker of ['#1', '#2']) {
			assert.equal(new URL(await (await join(chromium, worker)).evaluate(() => location.href)).hash, worker);
		}
		const pids = (await run('pgrep', ['-P', String(sample.process.pid)])).stdout.trim().split('\n');
		assert.equal(pids.length, 2, sample.output);
		for (const pid of pids) {
			const { stdout } = await run('sh', ['-c', `readlink /proc/${pid}/root; grep -E '^(Uid|Seccomp):' /proc/${pid}/status`]);
			assert.match(stdout, new RegExp(`^${folder}/root\nUid:\t65534\t.*\nSeccomp:\t2`), stdout);
		}
		assert.doesNotMatch(sample.output, /seccomp violation|exited|restarting/);
	});
});
