// Data channels between a browser and a program that has the core inside, by copy and paste: examples/embedding/paste.c and
// paste.html, offers by either side.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { until } from './lib/server.mjs';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const reference = process.env.JANUS_UNDER_TEST === 'janus' && 'the reference is no library';

/** The program, with what it prints. */
class Paste {
	constructor(folder, ...args) {
		this.out = this.errors = '';
		this.process = spawn(path.join(folder, 'paste'), args, { env: { ...process.env, LD_LIBRARY_PATH: folder } });
		this.process.stdout.on('data', (data) => { this.out += data; });
		this.process.stderr.on('data', (data) => { this.errors += data; });
		this.ended = new Promise((resolve) => this.process.on('close', resolve));
	}

	/** What it wants to be pasted elsewhere. */
	description() {
		return until(() => this.out.match(/v=0[^]*?\n\n/)?.[0], 'description');
	}

	type(text) {
		this.process.stdin.write(`${text}\n`);
	}

	heard(text) {
		return until(() => this.out.includes(`< ${text}\n`), `'${text}' in ${this.out} ${this.errors}`);
	}

	async end() {
		this.process.stdin.end();
		assert.equal(await this.ended, 0, this.errors);
	}
}

describe('copy and paste', { skip: reference }, () => {
	let folder;

	before(async () => {
		folder = await mkdtemp(path.join(tmpdir(), 'paste-'));
		const library = path.join(root, 'target/debug/libjanus_rs.so');
		await symlink(library, path.join(folder, 'libjanus_rs.so.0'));
		await promisify(execFile)('cc', [
			path.join(root, 'examples/embedding/paste.c'), `-I${root}/include`, '-o', path.join(folder, 'paste'), library,
			'-Wl,--allow-shlib-undefined',
		]);
	});
	after(() => rm(folder, { recursive: true, force: true }));

	for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
		for (const offerer of ['the browser', 'the program']) {
			test(`with ${name}, an offer of ${offerer}`, async () => {
				const browser = await open();
				const paste = offerer === 'the program' ? new Paste(folder, 'offer') : new Paste(folder);
				try {
					const page = await browser.page();
					await page.goto(pathToFileURL(path.join(root, 'examples/embedding/paste.html')).href);
					const ours = () => until(() => page.evaluate(() => document.getElementById('ours').value), 'text of the page');
					const accept = (text) => page.evaluate((pasted) => {
						document.getElementById('theirs').value = pasted;
						document.getElementById('accept').click();
					}, text);
					const log = () => page.evaluate(() => document.getElementById('log').textContent);
					const logged = (text) => until(async () => (await log()).includes(text), `'${text}' in the page`);
					if (offerer === 'the browser') {
						await page.click('#offer');
						paste.type(await ours());
						await accept(await paste.description());
						for (const label of ['one', 'two', 'three']) {
							await logged(`channel ${label} is open`);
							await until(() => paste.errors.includes(`channel ${label}`), label);
						}
					} else {
						await accept(await paste.description());
						paste.type(await ours());
						await logged('channel cat-noises is open');
					}
					const send = (length) => page.evaluate((count) => channels[0].send('m'.repeat(count)), length);
					for (const length of [0, 5, 16_000, 200_000]) {
						await send(length);
						await paste.heard(length > 200 ? `${length} bytes` : 'm'.repeat(length));
						paste.type('w'.repeat(length));
						await logged(length > 200 ? `${length} bytes` : 'w'.repeat(length));
					}
					await page.evaluate(() => channels[0].close());
					await until(() => page.evaluate(() => channels[0].readyState === 'closed'), 'closed channel');
				} finally {
					await paste.end();
					await browser.close();
				}
			});
		}
	}
});
