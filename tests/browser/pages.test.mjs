// The pages of demos/pages, with people in browser contexts of their own. Pictures of them go to target/pages, to be looked
// at; axe looks for what keeps somebody out.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { openContexts } from './lib/browsers.mjs';
import { openPage } from './lib/figures.mjs';
import { servePages } from './lib/own.mjs';
import { Server, until } from './lib/server.mjs';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const onReference = process.env.JANUS_UNDER_TEST === 'janus';
const pictures = path.join(root, 'target/pages');
const axe = await readFile(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

const LOOKS = [['desktop', 1280, 800, 'light'], ['phone', 390, 844, 'dark']];

/** Evaluated before the pages' own scripts: their WebSockets, to be broken. */
const SOCKETS = `
	window.sockets = [];
	window.WebSocket = class extends window.WebSocket {
		constructor(...args) { super(...args); window.sockets.push(this); }
	};
`;

/** Only with Chromium's driver. */
async function look(page, name) {
	if (!page.setViewportSize) return;
	for (const [device, width, height, colorScheme] of LOOKS) {
		await page.setViewportSize({ width, height });
		await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
		await page.screenshot({ path: path.join(pictures, `${name}-${device}.png`), fullPage: true });
		await page.evaluate(axe);
		const faults = await page.evaluate(async () => (await window.axe.run()).violations
			.filter(({ impact }) => ['serious', 'critical'].includes(impact))
			.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`));
		assert.deepEqual(faults, [], `${name} on a ${device}`);
		const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		assert.ok(wide <= 0, `${name} on a ${device} is ${wide} pixels too wide`);
	}
	await page.setViewportSize({ width: 1280, height: 800 });
}

const text = (page, id) => page.evaluate((id) => document.getElementById(id).textContent, id);
const says = (page, id, part) => until(async () => (await text(page, id)).includes(part), `'${part}' in #${id}`)
	.catch(async (error) => { throw new Error(`${error.message}; it says '${await text(page, id)}', state '${await text(page, 'state')}'`); });
const isShown = (page, id) => page.evaluate((id) => document.getElementById(id).checkVisibility(), id);
const shown = (page, id) => until(() => isShown(page, id), `#${id}`);
const write = (page, id, value) => page.evaluate(([id, value]) => { document.getElementById(id).value = value; }, [id, value]);
const press = (page, id) => page.evaluate((id) => document.getElementById(id).click(), id);
/** Pictures of others that run. */
const playing = (page) => page.evaluate(() => [...document.querySelectorAll('#remote, .tile video:not(.mirrored)')]
	.filter((video) => video.videoWidth > 0 && video.currentTime > 0).length);

for (const name of ['Chromium', 'Firefox']) {
	const isChromium = name === 'Chromium';
	describe(`the pages in ${name}`, () => {
		let server, browser, pages, folder;
		let opened = [];
		const openAt = async (url) => {
			const page = await openPage(browser, url, { script: SOCKETS });
			page.said = [];
			page.on('console', (message) => page.said.push(message.text()));
			page.on('pageerror', (error) => page.said.push(`${error}`));
			opened.push(page);
			return page;
		};
		const open = (...args) => openAt(pages.page(...args));
		/** For who has to find out why: what the pages show, said, and sent, how their connections are, and the last that the server did. */
		const lives = async (people) => {
			const all = await Promise.all(people.map((page) => page.evaluate(async () => [
				document.getElementById('state')?.textContent,
				...await Promise.all(window.connections.map(async (pc) => [...(await pc.getStats()).values()]
					.filter(({ type, kind }) => /^(in|out)bound-rtp$/.test(type) && kind === 'video')
					.map((of) => [of.type, of.mid, of.rid, of.bytesSent ?? of.bytesReceived, 'bytes,', of.framesEncoded ?? of.framesDecoded, 'frames,', of.keyFramesEncoded ?? of.keyFramesDecoded, 'key frames,', of.pliCount, 'PLI'].join(' '))
					.concat(pc.life.join(' ')).join('\n')),),
			].join('\n'))));
			return [...all.map((life, number) => `page ${number}: ${life}\n${people[number].said.join('\n')}`), server.output.slice(-4000)].join('\n');
		};

		/** A test that tells, when it fails, how the pages were then. */
		const told = (name, options, body = options) => test(name, body === options ? {} : options, (...args) => body(...args).catch(async (error) => {
			throw new Error(`${error.message}\n${await lives(opened.filter((page) => !page.isClosed())).catch(String)}`, { cause: error });
		}));

		// A page that a test leaves behind takes time from the next.
		afterEach(async () => { await Promise.all(opened.splice(0).map((page) => page.close().catch(() => {}))); });

		before(async () => {
			await mkdir(pictures, { recursive: true });
			folder = await mkdtemp(path.join(tmpdir(), 'pages-'));
			server = await Server.start({ general: 'reclaim_session_timeout = 10' });
			pages = await servePages(server);
			browser = await openContexts(name);
		});
		after(async () => {
			await browser?.close();
			pages?.close();
			await rm(folder, { recursive: true, force: true });
			const how = await server?.stop();
			assert.deepEqual(how, { code: 0, signal: null }, server?.output);
		});

		told('start: the state of the server, and whether media reaches it', async () => {
			const page = await open('');
			if (!server.isReference) await says(page, 'health', 'well');
			await says(page, 'plugins', 'videoroom');
			await press(page, 'try');
			await says(page, 'media', 'there and back');
			await look(page, 'start');
			await page.close();
		});

		told('booth: photos of the size of the camera, by key, and nothing is sent', async () => {
			const page = await open('booth/');
			const asked = [];
			page.on('request', (request) => { if (!/^(blob|data):/.test(request.url())) asked.push(request.url()); });
			await page.click('#devices button');
			await until(() => page.evaluate(() => !document.getElementById('shoot').disabled), 'camera');
			await press(page, 'countdown');
			await page.evaluate(() => document.activeElement.blur());
			await write(page, 'filter', 'sepia(1)');
			await page.keyboard.press(' ');
			const photos = (count) => until(() => page.evaluate((count) => {
				const all = [...document.querySelectorAll('#photos li')];
				if (all.length < count || !all[0].querySelector('img').naturalWidth) return null;
				const video = document.querySelector('#devices video');
				const image = all[0].querySelector('img');
				return { camera: [video.videoWidth, video.videoHeight], photo: [image.naturalWidth, image.naturalHeight], file: all[0].querySelector('a').download };
			}, count), `photo ${count}`);
			const first = await photos(1);
			assert.deepEqual(first.photo, first.camera);
			assert.match(first.file, /^photo-\d{4}-\d\d-\d\d-\d{6}-1\.png$/);
			await write(page, 'format', 'image/jpeg');
			await until(() => page.evaluate(() => !document.getElementById('strip').disabled), 'its end');
			await press(page, 'strip');
			const second = await photos(2);
			assert.ok(second.photo[1] > 4 * second.camera[1], `${second.photo}`);
			assert.match(second.file, /-2\.jpg$/);
			await look(page, 'booth');
			assert.deepEqual(asked, []);
			await page.close();
		});

		told('call: two talk, the third sees it', async () => {
			const people = {};
			for (const who of isChromium ? ['Ada', 'Bob', 'Eve'] : ['Ada', 'Bob']) {
				const page = await open('call/');
				await write(page, 'name', who);
				await press(page, 'go');
				await says(page, 'state', `online as ${who}`);
				people[who] = page;
			}
			const { Ada: ada, Bob: bob, Eve: eve } = people;
			const dial = async (page, who) => {
				// Firefox gives devices to the tab in front.
				await page.bringToFront();
				await until(() => page.evaluate((who) => {
					const button = document.querySelector(`[data-call="${who}"]`);
					if (!button || button.disabled) return false;
					button.click();
					return true;
				}, who), `${who} in the list`);
			};
			const rings = (page) => until(() => page.evaluate(() => document.getElementById('ring').open), 'ringing');

			if (eve) {
				// A name is one person's.
				const twin = await open('call/');
				await write(twin, 'name', 'Ada');
				await press(twin, 'go');
				await says(twin, 'name-problem', 'Somebody has this name');
				await twin.close();
				await dial(ada, 'Bob');
				await rings(bob);
				assert.match(await bob.evaluate(() => document.title), /Ada is calling/);
				await look(bob, 'call-ringing');
				await press(bob, 'reject');
				await says(ada, 'state', 'does not take the call');
				const ring = (seconds) => ada.evaluate((seconds) => {
					const address = new URL(location.href);
					address.searchParams.set('ring', seconds);
					history.replaceState(null, '', address);
				}, seconds);
				await ring(2);
				await dial(ada, 'Bob');
				await says(ada, 'state', 'does not answer');
				await ring(60);
				await until(() => bob.evaluate(() => !document.getElementById('ring').open), 'end of ringing');
			}

			await dial(ada, 'Bob');
			await rings(bob);
			await bob.bringToFront();
			await press(bob, 'accept');
			for (const page of [ada, bob]) {
				await says(page, 'state', 'in a call with');
				await until(async () => await playing(page) === 1, 'picture');
			}
			await until(() => ada.evaluate(() => !document.getElementById('send').disabled), 'chat');
			await write(ada, 'text', 'hello Bob');
			await press(ada, 'send');
			await says(bob, 'chat', 'Ada: hello Bob');
			await press(bob, 'audio');
			await says(ada, 'muted', 'Bob is muted');
			if (eve) {
				await until(() => eve.evaluate(() => document.querySelectorAll('#people .busy').length === 2), 'two who are busy');
				await look(eve, 'call-contacts');
				await dial(eve, 'Ada');
				await says(eve, 'state', 'Ada is in a call');
				await look(ada, 'call-talking');
				// A new path, of one and then of both at once, so that their offers meet: the call goes on.
				const ufrag = (page) => page.evaluate(() => window.connections.at(-1).localDescription.sdp.match(/a=ice-ufrag:(\S+)/)[1]);
				for (const who of [[ada], [ada, bob]]) {
					const olds = await Promise.all(who.map(ufrag));
					await Promise.all(who.map((page) => page.evaluate(() => window.dispatchEvent(new Event('online')))));
					for (const [number, page] of who.entries()) {
						await until(() => page.evaluate((old) => {
							const pc = window.connections.at(-1);
							return pc.signalingState === 'stable' && pc.connectionState === 'connected' && !pc.localDescription.sdp.includes(old);
						}, olds[number]), `restart of ICE of ${number} of ${who.length}`);
					}
				}
				const frames = () => ada.evaluate(() => document.getElementById('remote').getVideoPlaybackQuality().totalVideoFrames);
				const then = await frames();
				await until(async () => await frames() > then + 20, 'more frames');
			}
			await press(ada, 'hangup');
			await says(bob, 'state', 'The call has ended');

			// Reloading is coming back.
			await bob.reload();
			await says(bob, 'state', 'online as Bob');
			await dial(bob, 'Ada');
			await rings(ada);
			await ada.bringToFront();
			await press(ada, 'accept-sound');
			await says(bob, 'state', 'in a call with Ada');
			await press(bob, 'hangup');
			await says(ada, 'state', 'The call has ended');
			for (const page of Object.values(people)) await page.close();
		});

		told('room: one uplink, one subscription, layers by size', async () => {
			const names = isChromium ? ['Ada', 'Bob', 'Eve', 'Zoe'] : ['Ada', 'Bob'];
			const people = [];
			const join = async (who) => {
				const page = await open('room/Blue%20room', {}, '#pin=1234');
				await write(page, 'name', who);
				await press(page, 'go');
				await says(page, 'state', 'connected');
				return page;
			};
			for (const who of names) people.push(await join(who));
			for (const page of people) {
				// Nothing is sent to a page that nobody sees.
				await page.bringToFront();
				await until(async () => await playing(page) === names.length - 1, `${names.length - 1} pictures`);
			}
			const figures = (page) => page.evaluate(async () => {
				const open = window.connections.filter((pc) => pc.connectionState === 'connected');
				const of = { connections: open.length, up: new Set(), layers: new Set(), down: new Set(), bytes: 0 };
				for (const pc of open) {
					for (const one of (await pc.getStats()).values()) {
						if (one.type === 'outbound-rtp' && one.kind === 'video') { of.up.add(one.mid); of.layers.add(one.rid); }
						if (one.type === 'inbound-rtp' && one.kind === 'video') of.down.add(one.mid);
						if (one.type === 'inbound-rtp' && one.kind === 'audio') of.bytes += one.bytesReceived;
					}
				}
				return { ...of, up: of.up.size, layers: [...of.layers].sort().join(''), down: of.down.size };
			});
			for (const page of people) {
				const { connections, up, layers, down, bytes } = await figures(page);
				assert.deepEqual({ connections, up, down }, { connections: 2, up: 1, down: names.length - 1 });
				if (isChromium) assert.equal(layers, 'hlm');
				assert.ok(bytes > 0, 'sound');
				await says(page, 'promise', `receive ${names.length - 1}`);
			}

			const [ada, bob] = people;
			await press(bob, 'hand');
			await until(() => ada.evaluate(() => Boolean(document.querySelector('.tile [aria-label="hand raised"]'))), 'hand');
			await write(bob, 'text', 'hello all');
			await until(() => bob.evaluate(() => !document.getElementById('send').disabled), 'chat');
			await press(bob, 'send');
			await says(ada, 'log', 'Bob: hello all');
			await says(ada, 'chat-title', '1 new');
			if (isChromium) {
				await look(ada, 'room');
				// A large tile asks for the large picture, small ones for small ones. Whether a busy computer makes it is another matter
				// (room.test.mjs looks at the layers).
				const large = async () => (await server.handles()).filter((handle) => JSON.stringify(handle).includes('"substream-target":2')).length;
				await until(async () => await large() === 0, 'small pictures that are asked for');
				await ada.evaluate(() => document.querySelectorAll('.tile [aria-label^=Enlarge]')[1].click());
				await until(async () => await large() === 1, 'a large picture that is asked for');

				// A wrong pin, and the one who made the room.
				const stranger = await open('room/Blue%20room', {}, '#pin=4321');
				await write(stranger, 'name', 'Mallory');
				await press(stranger, 'go');
				await says(stranger, 'state', 'pin');
				await stranger.close();
				assert.equal(await bob.evaluate(() => document.querySelector('.tile [aria-label^=Remove]')), null);
				await ada.evaluate(() => document.querySelector('.tile [aria-label="Mute Bob"]').click());
				await says(bob, 'state', 'You were muted');
				await ada.evaluate(() => document.querySelector('.tile [aria-label="Remove Zoe"]').click());
				await says(people[3], 'state', 'You were removed');
				await people.pop().close();
				await until(async () => await playing(ada) === 2, 'two pictures');

				// A screen is one stream more of the same connection, and goes away again.
				assert.ok(await isShown(bob, 'screen'));
				for (const round of ['first', 'second']) {
					// Frames are taken of a page in front, and asked for by one.
					await bob.bringToFront();
					await press(bob, 'screen');
					await ada.bringToFront();
					await until(async () => await playing(ada) === 3, `the ${round} screen`, 120000);
					await press(bob, 'screen');
					await until(async () => await playing(ada) === 2, `end of the ${round} screen`);
				}
				assert.deepEqual(await figures(ada).then(({ connections, up }) => ({ connections, up })), { connections: 2, up: 1 });

				// The connection to the server breaks, and the session is claimed.
				await bob.evaluate(() => window.sockets.at(-1).close());
				await says(bob, 'state', 'connected again');
				assert.equal(await playing(ada), 2);
				await ada.evaluate(() => window.dispatchEvent(new Event('online')));
				await until(() => ada.evaluate(() => window.connections.every((pc) => pc.connectionState === 'connected' && pc.signalingState === 'stable')), 'new paths');
			}

			// Coming back is a reload.
			const [before] = people.splice(1, 1);
			await before.bringToFront();
			await before.reload();
			await says(before, 'state', 'connected');
			await ada.bringToFront();
			await until(async () => await playing(ada) === people.length, 'the picture of who came back');
			await press(before, 'leave');
			await until(async () => await playing(ada) === people.length - 1, 'end of who left');
			await before.close();
			for (const page of people) await page.close();
			await until(async () => (await server.handles()).every(({ plugin }) => plugin !== 'janus.plugin.videoroom'), 'end of all handles');
		});

		for (const way of ['direct', 'server']) {
			told(`drop: a file goes ${way}, and goes on after a break`, async () => {
				const content = randomBytes(way === 'direct' ? 20_000_001 : 4_000_001);
				const file = path.join(folder, `of ${way}.bin`);
				await writeFile(file, content);
				const sender = await open('drop/', { way });
				if (sender.setInputFiles) await sender.setInputFiles('#file', file);
				else await (await sender.$('#file')).uploadFile(file);
				await says(sender, 'state', 'Waiting');
				const link = await text(sender, 'link');
				const receiver = await openAt(link);
				await until(() => receiver.evaluate(() => !document.getElementById('receive').disabled), 'offer');
				await press(receiver, 'receive');
				const got = () => receiver.evaluate(() => document.getElementById('progress').value);
				await until(async () => await got() > 0, 'first bytes');
				await receiver.reload();
				await until(() => receiver.evaluate(() => !document.getElementById('receive').disabled), 'offer after the break');
				await press(receiver, 'receive');
				await says(receiver, 'state', 'the sum is right');
				await says(sender, 'state', 'checked the sum');
				assert.match(await text(receiver, 'resumed'), /went on after/);
				await look(receiver, `drop-${way}`);
				assert.match(await text(receiver, 'what'), way === 'direct' ? /directly/ : /through the server/);
				const sum = createHash('sha256').update(content).digest('hex');
				assert.equal(await text(receiver, 'sum'), `SHA-256 ${sum}`);
				const saved = await receiver.evaluate(async () => {
					const bytes = await (await fetch(document.getElementById('save').href)).arrayBuffer();
					return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
				});
				assert.equal(saved, sum);
				for (const page of [sender, receiver]) await page.close();
			});
		}

		told('paste: two sides connect by hand', async () => {
			const [one, two] = [await open('paste/'), await open('paste/')];
			const ours = (page) => until(() => page.evaluate(() => document.getElementById('ours').value), 'text');
			await press(one, 'offerer');
			await write(two, 'theirs', await ours(one));
			await press(two, 'accept');
			await write(one, 'theirs', await ours(two));
			await press(one, 'accept');
			for (const page of [one, two]) await until(() => page.evaluate(() => !document.getElementById('send').disabled), 'channel');
			await write(one, 'message', 'by hand');
			await press(one, 'send');
			await says(two, 'log', 'paste: by hand');
			await look(one, 'paste');
			for (const page of [one, two]) await page.close();
		});

		told('live: one publishes, another watches', { skip: onReference && 'the reference has no WHIP' }, async () => {
			const alone = await Server.start({ alone: true });
			const own = await servePages(alone);
			try {
				const [publisher, watcher] = [await openAt(own.page('live/')), await openAt(own.page('live/'))];
				await look(publisher, 'live');
				for (const [page, id] of [[publisher, 'publish'], [watcher, 'watch']]) {
					// Firefox gives its camera to nobody in the background.
					await page.bringToFront();
					await press(page, id);
					await says(page, 'state', 'connected');
				}
				await until(() => watcher.evaluate(() => {
					const { videoWidth, currentTime } = document.getElementById('picture');
					return videoWidth > 0 && currentTime > 1;
				}), 'what is live');
				await look(watcher, 'live-watching');
				await look(publisher, 'live-publishing');
			} finally {
				own.close();
				assert.deepEqual(await alone.stop(), { code: 0, signal: null }, alone.output);
			}
		});

		told('a report for whoever helps', async () => {
			const page = await open('mirror/');
			await look(page, 'mirror');
			await press(page, 'start');
			await says(page, 'state', 'connected');
			await page.evaluate(() => {
				document.getElementById('panel').open = true;
				Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (copied) => { window.copied = copied; } } });
			});
			await until(() => page.evaluate(() => document.querySelectorAll('#panel tr').length > 3), 'figures');
			await look(page, 'mirror-connected');
			await press(page, 'report');
			const report = JSON.parse(await until(() => page.evaluate(() => window.copied), 'report'));
			const { session, handle, state, stats } = report.connections.mirror;
			assert.equal(state, 'connected');
			assert.ok(stats.length > 5);
			const info = await server.admin({ janus: 'handle_info' }, `/${session}/${handle}`);
			assert.equal(info.info.plugin, 'janus.plugin.echotest');
			await page.close();
		});
	});
}
