// The distribution's unmodified recordplaytest.html: what is recorded opens in the distribution's tools, and the recording
// that it bundles plays back.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openChromium } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { serveDemos } from './lib/pages.mjs';
import { Server, sleep, until } from './lib/server.mjs';

const run = promisify(execFile);

describe('recordplaytest.html', () => {
	let server, browser, demos, page, folder;

	before(async () => {
		folder = await mkdtemp(path.join(tmpdir(), 'recordings-'));
		await cp('/usr/share/janus/recordings', folder, { recursive: true });
		server = await Server.start({ files: { 'janus.plugin.recordplay.jcfg': `general: { path = "${folder}" }\n` } });
		demos = await serveDemos(server.ws);
		browser = await openChromium();
		page = await openPage(browser, `${demos.url}/recordplaytest.html`);
		await until(() => page.evaluate(() => window.jQuery?._data(document.getElementById('start'), 'events')?.click), 'page');
		await page.evaluate(() => document.getElementById('start').click());
		await until(() => page.evaluate(() => document.querySelectorAll('#recslist a').length > 0), 'list');
	});
	after(async () => {
		await browser?.close();
		demos?.close();
		const how = await server?.stop();
		await rm(folder, { recursive: true });
		assert.deepEqual(how, { code: 0, signal: null }, server?.output);
	});

	const playing = async () => (await server.handles()).some((info) => info.webrtc);

	test('the bundled recording plays back', async () => {
		await page.evaluate(() => { selectedRecording = '1234'; startPlayout(); });
		await until(async () => (await figures(page)).frames >= 30, '30 frames');
		assert.ok((await figures(page)).audioBytes > 0);
		await page.evaluate(() => stop());
		await until(async () => !await playing(), 'end');
	});

	test('a recording opens in janus-pp-rec and mjr2pcap', async () => {
		const old = new Set(await readdir(folder));
		await page.evaluate(() => {
			bootbox.prompt = (text, callback) => callback('mirror');
			startRecording();
		});
		await until(playing, 'PeerConnection');
		await sleep(6000);
		await page.evaluate(() => stop());
		await until(async () => !await playing(), 'end');
		const files = (await readdir(folder)).filter((name) => !old.has(name) && name.endsWith('.mjr'));
		assert.equal(files.length, 2, files.join());
		for (const name of files) {
			const source = path.join(folder, name);
			const audio = name.includes('audio');
			const target = source.replace('.mjr', audio ? '.opus' : '.webm');
			await run('janus-pp-rec', [source, target]);
			const { stdout } = await run('ffprobe', ['-v', 'error', '-count_packets', '-show_entries',
				'stream=codec_name,nb_read_packets', '-of', 'csv=p=0', target]);
			const [codec, packets] = stdout.trim().split(',');
			assert.equal(codec, audio ? 'opus' : 'vp8');
			assert.ok(Number(packets) > 40, stdout);
			await run('mjr2pcap', [source, `${source}.pcap`]);
		}
	});
});
