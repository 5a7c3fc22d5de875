// The distribution's unmodified streamingtest.html: a mountpoint fed by a real encoder, relayed from the plugin's own
// thread.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { serveDemos } from './lib/pages.mjs';
import { Server, until } from './lib/server.mjs';

function freeUdpPort() {
	return new Promise((resolve) => {
		const probe = createSocket('udp4').bind(0, '127.0.0.1', () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
}

/** A test picture and a tone, as RTP. */
function encode(audioPort, videoPort) {
	return spawn('ffmpeg', ['-loglevel', 'error', '-re',
		'-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25', '-f', 'lavfi', '-i', 'sine=frequency=440',
		'-map', '0:v', '-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '300k', '-g', '25',
		'-payload_type', '100', '-f', 'rtp', `rtp://127.0.0.1:${videoPort}?pkt_size=1200`,
		'-map', '1:a', '-c:a', 'libopus', '-b:a', '32k', '-payload_type', '111',
		'-f', 'rtp', `rtp://127.0.0.1:${audioPort}`], { stdio: 'ignore' });
}

for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	describe(`streamingtest.html in ${name}`, () => {
		let server, browser, demos, page, encoder;

		before(async () => {
			const [audio, video] = [await freeUdpPort(), await freeUdpPort()];
			server = await Server.start({ files: { 'janus.plugin.streaming.jcfg': `live: {
				type = "rtp"; id = 1; description = "live"
				audio = true; audioport = ${audio}; audiopt = 111; audiocodec = "opus"
				video = true; videoport = ${video}; videopt = 100; videocodec = "vp8" }\n` } });
			encoder = encode(audio, video);
			demos = await serveDemos(server.ws);
			browser = await open();
			page = await openPage(browser, `${demos.url}/streamingtest.html`);
		});
		after(async () => {
			encoder?.kill('SIGKILL');
			await browser?.close();
			demos?.close();
			const how = await server?.stop();
			assert.deepEqual(how, { code: 0, signal: null }, server?.output);
		});

		test('the stream plays', async () => {
			await until(() => page.evaluate(() => window.jQuery?._data(document.getElementById('start'), 'events')?.click), 'page');
			await page.evaluate(() => document.getElementById('start').click());
			await until(() => page.evaluate(() => typeof streamsList === 'object' && !!streamsList[1]), 'list of streams');
			await page.evaluate(() => { selectedStream = 1; startStream(); });
			await until(async () => (await figures(page)).frames > 0, 'frame');
			const first = await figures(page);
			await until(async () => (await figures(page)).frames >= first.frames + 60, 'more frames');
			assert.ok((await figures(page)).audioBytes > first.audioBytes);
		});

		test('stopping ends it', async () => {
			await page.evaluate(() => stopStream());
			await until(async () => (await server.handles()).every((info) => !info.webrtc), 'end of the PeerConnection');
		});
	});
}
