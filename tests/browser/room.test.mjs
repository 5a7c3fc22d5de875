// A room of links only (examples/embedding/room.c and room.html): one publisher with simulcast, three viewers, who get its
// highest layer.

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { freePort, until } from './lib/server.mjs';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const reference = process.env.JANUS_UNDER_TEST === 'janus' && 'the reference is no library';
const examples = path.join(root, 'examples/embedding');

describe('a room of links', { skip: reference }, () => {
	let folder, room, port, chromium, firefox;

	before(async () => {
		folder = await mkdtemp(path.join(tmpdir(), 'room-'));
		const library = path.join(root, 'target/debug/libjanus_rs.so');
		await symlink(library, path.join(folder, 'libjanus_rs.so.0'));
		await promisify(execFile)('cc', [
			path.join(examples, 'room.c'), `-I${root}/include`, '-o', path.join(folder, 'room'), library, '-lmicrohttpd',
			'-pthread', '-Wl,--allow-shlib-undefined',
		]);
		port = await freePort();
		room = spawn(path.join(folder, 'room'), [String(port), path.join(examples, 'room.html')], {
			env: { ...process.env, LD_LIBRARY_PATH: folder }, stdio: 'inherit',
		});
		[chromium, firefox] = await Promise.all([openChromium(), openFirefox()]);
	});
	after(async () => {
		await Promise.all([chromium?.close(), firefox?.close()]);
		room?.kill();
		await rm(folder, { recursive: true, force: true });
	});

	async function open(browser, button) {
		const page = await browser.page();
		await page.goto(`http://localhost:${port}/`);
		await page.click(button);
		return page;
	}

	/** Frames that were decoded, and how high they are now: of the PeerConnection, whether the page is in front or not. */
	const video = (page) => page.evaluate(async () => {
		const stats = [...(await connection.getStats()).values()];
		const inbound = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
		return { frames: inbound?.framesDecoded ?? 0, height: inbound?.frameHeight ?? 0 };
	});

	const heightOf = (page, height) => until(async () => (await video(page)).height === height, `picture ${height} high`, 60000);

	async function goesOn(page) {
		const { frames } = await video(page);
		await until(async () => (await video(page)).frames > frames + 20, 'more frames');
	}

	test('three viewers see the publisher', async () => {
		await open(chromium, '#publish');
		for (const viewer of [await open(chromium, '#view'), await open(firefox, '#view'), await open(chromium, '#view')]) {
			await heightOf(viewer, 360);
			await goesOn(viewer);
		}
	});
});
