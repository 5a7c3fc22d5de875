// 1 GB from browser to browser, with the memory of all its processes looked at: streams, not blobs.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openChromium, openFirefox } from '../lib/browsers.mjs';
import { servePages } from '../lib/own.mjs';
import { Server, sleep, until } from '../lib/server.mjs';

const MB = 1_000_000, SIZE = 1000 * MB, MAY_GROW = 500 * MB;

/** Bytes that all descendants of this process hold for themselves. */
async function memory() {
	const parents = new Map(), own = new Map();
	for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
		const [stat, rollup] = await Promise.all(['stat', 'smaps_rollup'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')));
		parents.set(pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
		own.set(pid, [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce((sum, [, kb]) => sum + 1024 * kb, 0));
	}
	const isOurs = (pid) => pid === String(process.pid) || (parents.has(pid) && isOurs(parents.get(pid)));
	return [...own].filter(([pid]) => pid !== String(process.pid) && isOurs(pid)).reduce((sum, [, bytes]) => sum + bytes, 0);
}

for (const [name, openBrowser] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	test(`1 GB in ${name}`, async (t) => {
		const folder = await mkdtemp(path.join(tmpdir(), 'drop-'));
		const file = path.join(folder, 'large.bin');
		const hash = createHash('sha256');
		const handle = await open(file, 'w');
		for (let written = 0; written < SIZE; written += MB) {
			const piece = randomBytes(MB);
			hash.update(piece);
			await handle.write(piece);
		}
		await handle.close();
		const server = await Server.start();
		const pages = await servePages(server);
		const browser = await openBrowser();
		try {
			const [sender, receiver] = [await browser.page(), await browser.page()];
			await sender.goto(pages.page('drop/'));
			if (sender.setInputFiles) await sender.setInputFiles('#file', file);
			else await (await sender.$('#file')).uploadFile(file);
			const text = (page, id) => page.evaluate((id) => document.getElementById(id).textContent, id);
			await until(async () => (await text(sender, 'state')).startsWith('Waiting'), 'link');
			await receiver.goto(await text(sender, 'link'));
			await until(() => receiver.evaluate(() => !document.getElementById('receive').disabled), 'offer');
			const first = await memory();
			let most = first;
			await receiver.evaluate(() => document.getElementById('receive').click());
			const began = Date.now();
			await until(async () => {
				most = Math.max(most, await memory());
				await sleep(1000);
				return (await text(receiver, 'state')).includes('sum');
			}, 'end', 20 * 60_000);
			t.diagnostic(`${Math.round(SIZE / 1000 / (Date.now() - began))} MB/s; memory ${Math.round(first / MB)} MB, at most ${Math.round(most / MB)} MB; ${await text(receiver, 'what')}`);
			assert.equal(await text(receiver, 'sum'), `SHA-256 ${hash.digest('hex')}`);
			assert.ok(most - first < MAY_GROW, `memory grew by ${Math.round((most - first) / MB)} MB`);
		} finally {
			await browser.close();
			pages.close();
			await server.stop();
			await rm(folder, { recursive: true });
		}
	});
}
