// A room of links only (examples/embedding/room.c and room.html): one publisher with simulcast, three viewers, who get its
// highest layer.

import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { examples, Sample } from './lib/sample.mjs';
import { freePort, until } from './lib/server.mjs';

const reference = process.env.JANUS_UNDER_TEST === 'janus' && 'the reference is no library';

/** Of the layers that the page asks its camera for, lowest first. */
const HEIGHTS = [135, 270, 540];

describe('a room of links', { skip: reference }, () => {
	let room, port, chromium, firefox;

	before(async () => {
		room = await Sample.compile('room', ['-lmicrohttpd', '-pthread']);
		port = await freePort();
		room.start([room.program, String(port), path.join(examples, 'room.html')]);
		[chromium, firefox] = await Promise.all([openChromium(), openFirefox()]);
	});
	after(async () => {
		await Promise.all([chromium?.close(), firefox?.close()]);
		await room?.stop();
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

	const heightOf = (page, height) => until(async () => (await video(page)).height === height, `picture ${height} high`, 150000);

	async function goesOn(page) {
		const { frames } = await video(page);
		await until(async () => (await video(page)).frames > frames + 20, 'more frames');
	}

	const viewers = [];

	test('three viewers see the publisher', async () => {
		await open(chromium, '#publish');
		viewers.push(await open(chromium, '#view'), await open(firefox, '#view'), await open(chromium, '#view'));
		for (const viewer of viewers) {
			await heightOf(viewer, HEIGHTS[2]);
			await goesOn(viewer);
		}
	});

	// In both browsers at once: what a path takes grows for seconds before all layers are sent again.
	test('a viewer gets as few layers as are asked for, and all of them again', async () => {
		await Promise.all(viewers.slice(0, 2).map(async (page) => {
			for (const [layers, height] of [[1, HEIGHTS[0]], [2, HEIGHTS[1]], [0, HEIGHTS[2]]]) {
				await page.evaluate((layers) => fetch(`${viewer}/${layers}`, { method: 'POST' }), layers);
				await heightOf(page, height);
				await goesOn(page);
			}
		}));
	});
});
