// examples/embedding/lws_call.c: two browsers call each other through one thread of libwebsockets.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { examples, Sample } from './lib/sample.mjs';
import { freePort, until } from './lib/server.mjs';

const reference = process.env.JANUS_UNDER_TEST === 'janus' && 'the reference is no library';

describe('a call over libwebsockets', { skip: reference }, () => {
	let sample, port, browsers;

	before(async () => {
		port = await freePort();
		sample = await Sample.compile('lws_call', ['-lwebsockets']);
		sample.start([sample.program, String(port), path.join(examples, 'lws_call.html')]);
		browsers = await Promise.all([openChromium(), openFirefox()]);
		await until(() => fetch(`http://localhost:${port}/`).then((reply) => reply.ok, () => false), 'web server');
	});
	after(async () => {
		await Promise.all((browsers ?? []).map((browser) => browser.close()));
		// It ends by itself, and nothing of it is left behind.
		assert.equal(await sample?.stop(), 0, sample?.output);
	});

	const video = (page) => page.evaluate(async () => {
		const stats = [...(await connection.getStats()).values()];
		const of = (kind) => stats.find((one) => one.type === 'inbound-rtp' && one.kind === kind);
		return { frames: of('video')?.framesDecoded ?? 0, sound: of('audio')?.bytesReceived ?? 0 };
	});

	async function call(browser) {
		const page = await browser.page();
		await page.goto(`http://localhost:${port}/`);
		await page.click('#call');
		await until(() => page.evaluate(() => document.getElementById('log').textContent === 'connected'), 'connection');
		return page;
	}

	async function hearsAndSees(page) {
		const before = await video(page);
		await until(async () => {
			const { frames, sound } = await video(page);
			return frames > before.frames + 20 && sound > before.sound;
		}, 'pictures and sound');
	}

	test('both see and hear each other, also when one comes back', async () => {
		const [first, second] = [await call(browsers[0]), await call(browsers[1])];
		await hearsAndSees(first);
		await hearsAndSees(second);
		await second.click('#leave');
		const again = await call(browsers[1]);
		await hearsAndSees(first);
		await hearsAndSees(again);
	});

	test('its only thread is the first one', async () => {
		const folder = `/proc/${sample.process.pid}/task`;
		const names = await Promise.all((await readdir(folder)).map((task) => readFile(`${folder}/${task}/comm`, 'utf8')));
		const own = names.map((name) => name.trim()).filter((name) => name === 'lws_call');
		assert.equal(own.length, 1, names.join());
	});
});
