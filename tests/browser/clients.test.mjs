// Client libraries of others over the built-in transports, without any transport module: janode in Node.js, and
// janus-gateway (janus.js) in a page. And the pages over a server without any module at all.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import Janode from 'janode';
import EchoTest from 'janode/plugins/echotest';
import { openContexts } from './lib/browsers.mjs';
import { openPage } from './lib/figures.mjs';
import { servePages } from './lib/own.mjs';
import { Server, until } from './lib/server.mjs';

const module = (name) => readFile(new URL(`node_modules/${name}`, import.meta.url), 'utf8');

describe('clients over the built-in transports', { skip: process.env.JANUS_UNDER_TEST === 'janus' && 'the reference has none' }, () => {
	let server, browser;
	before(async () => {
		server = await Server.start({ builtin: true });
		browser = await openContexts('Chromium');
	});
	after(async () => {
		await browser?.close();
		assert.deepEqual(await server?.stop(), { code: 0, signal: null }, server?.output);
	});

	test('janode: a handle, its answer, and the Admin API', async () => {
		const offer = await readFile(new URL('../corpus/sdp/chromium-offer.sdp', import.meta.url), 'utf8');
		const connection = await Janode.connect({ address: [{ url: server.ws }] });
		const session = await connection.create();
		const handle = await session.attach(EchoTest);
		const { result, jsep } = await handle.start({ audio: true, video: true, jsep: { type: 'offer', sdp: offer } });
		assert.equal(result, 'ok');
		assert.equal(jsep.type, 'answer');
		assert.ok(jsep.sdp.includes('a=ice-ufrag'));
		const admin = await Janode.connect({ is_admin: true, address: [{ url: server.wsAdmin, apisecret: 'janusoverlord' }] });
		const { sessions } = await admin.listSessions();
		assert.deepEqual(sessions, [session.id]);
		await handle.detach();
		await session.destroy();
		await connection.close();
		await admin.close();
	});

	for (const kind of ['ws', 'http']) {
		test(`janus-gateway by ${kind}: an echo call`, async () => {
			const page = await browser.page();
			try {
				await page.goto(`${server.web}healthz`);
				const adapter = await module('webrtc-adapter/out/adapter.js');
				const janus = (await module('janus-gateway/npm/dist/janus.es.js')).replace(/^export \{ Janus as default \};$/m, 'window.Janus = Janus;');
				assert.ok(janus.includes('window.Janus'));
				await page.addScriptTag({ content: adapter });
				await page.addScriptTag({ content: `(() => {${janus}})();` });
				const said = await page.evaluate((address) => new Promise((resolve, reject) => {
					const { Janus } = window;
					const fail = (why) => reject(new Error(String(why)));
					Janus.init({
						debug: false,
						callback: () => {
							const janus = new Janus({
								server: address, error: fail,
								success: () => {
									let echo;
									janus.attach({
										plugin: 'janus.plugin.echotest', error: fail,
										success: (handle) => {
											echo = handle;
											echo.createOffer({
												tracks: [{ type: 'video', capture: true, recv: true }, { type: 'data' }],
												success: (jsep) => echo.send({ message: { audio: false, video: true }, jsep }),
												error: fail,
											});
										},
										onmessage: (_, jsep) => { if (jsep) echo.handleRemoteJsep({ jsep, error: fail }); },
										ondataopen: () => echo.data({ text: 'hello', error: fail }),
										ondata: (text) => { resolve(text); janus.destroy({}); },
									});
								},
							});
						},
					});
				}), kind === 'ws' ? server.ws : `${server.web}janus`);
				assert.equal(said, 'Janus EchoTest here! You wrote: hello');
			} finally {
				await page.close();
			}
		});
	}

	test('no module at all: the start page, the mirror, and a room for two', async () => {
		const alone = await Server.start({ alone: true });
		const pages = await servePages(alone);
		const text = (page, id) => page.evaluate((id) => document.getElementById(id).textContent, id);
		const says = (page, id, part) => until(async () => (await text(page, id)).includes(part), `'${part}' in #${id}`);
		const press = (page, id) => page.evaluate((id) => document.getElementById(id).click(), id);
		const playing = (page) => page.evaluate(() => [...document.querySelectorAll('.tile video:not(.mirrored)')]
			.filter((video) => video.videoWidth > 0 && video.currentTime > 0).length);
		const opened = [];
		const open = async (...args) => {
			opened.push(await openPage(browser, pages.page(...args)));
			return opened.at(-1);
		};
		try {
			const start = await open('');
			await says(start, 'plugins', 'echotest');
			await press(start, 'try');
			await says(start, 'media', 'there and back');
			const people = [];
			for (const who of ['Ada', 'Bob']) {
				const page = await open('room/Blue%20room', {}, '#pin=1234');
				await page.evaluate((who) => { document.getElementById('name').value = who; }, who);
				await press(page, 'go');
				await says(page, 'state', 'connected');
				people.push(page);
			}
			const [ada, bob] = people;
			for (const page of people) {
				await page.bringToFront();
				await until(async () => await playing(page) === 1, 'the picture of the other');
			}
			await until(() => bob.evaluate(() => !document.getElementById('send').disabled), 'chat');
			await bob.evaluate(() => { document.getElementById('text').value = 'hello'; });
			await press(bob, 'send');
			await says(ada, 'log', 'Bob: hello');
			// A screen is one stream more of the same connection, and goes away again.
			await press(bob, 'screen');
			await until(async () => await playing(ada) === 2, 'the screen of the other');
			await press(bob, 'screen');
			await until(async () => await playing(ada) === 1, 'end of the screen');
			await ada.evaluate(() => document.querySelector('.tile [aria-label="Mute Bob"]').click());
			await says(bob, 'state', 'You were muted');
			await ada.evaluate(() => document.querySelector('.tile [aria-label="Remove Bob"]').click());
			await says(bob, 'state', 'You were removed');
			await until(async () => await playing(ada) === 0, 'end of who was removed');
			// WHIP and WHEP from pages; an ICE restart of who publishes does not stop it.
			const lives = [], others = (await alone.handles()).length;
			for (const [id, muted] of [['publish', true], ['watch', false]]) {
				const page = await open('live/');
				await press(page, id);
				await says(page, 'state', 'connected');
				assert.equal(await page.evaluate(() => document.getElementById('picture').muted), muted);
				lives.push(page);
			}
			const [publisher, watcher] = lives;
			const frames = () => watcher.evaluate(() => document.getElementById('picture').getVideoPlaybackQuality().totalVideoFrames);
			await until(async () => await frames() > 5, 'what is live');
			const ufrag = (which) => publisher.evaluate((which) => /ice-ufrag:(.*)/.exec(window.connections[0][which].sdp)[1], which);
			const [near, far] = [await ufrag('localDescription'), await ufrag('remoteDescription')];
			await publisher.evaluate(() => window.dispatchEvent(new Event('online')));
			await until(async () => await ufrag('remoteDescription') !== far, 'other credentials of the server');
			assert.notEqual(await ufrag('localDescription'), near);
			const then = await frames();
			await until(async () => await frames() > then + 5, 'what is live, still');
			await press(publisher, 'stop');
			await press(watcher, 'stop');
			await until(async () => (await alone.handles()).length === others, 'end of their handles');
		} finally {
			for (const page of opened) await page.close();
			pages.close();
			assert.deepEqual(await alone.stop(), { code: 0, signal: null }, alone.output);
		}
	});
});
