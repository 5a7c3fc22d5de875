// The distribution's unmodified video room pages: three tabs of Chromium that see each other.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium } from './lib/browsers.mjs';
import { figures, openPage } from './lib/figures.mjs';
import { serveDemos } from './lib/pages.mjs';
import { Server, until } from './lib/server.mjs';

const NAMES = ['ada', 'bob', 'eve'];

for (const page of ['videoroomtest.html', 'mvideoroomtest.html', 'videoroomtest.html?simulcast=true']) {
	describe(`${page} with three tabs`, () => {
		let server, browser, demos;
		const tabs = [];

		before(async () => {
			server = await Server.start();
			demos = await serveDemos(server.ws);
			browser = await openChromium();
		});
		after(async () => {
			await browser?.close();
			demos?.close();
			const how = await server?.stop();
			assert.deepEqual(how, { code: 0, signal: null }, server?.output);
		});

		async function join(name) {
			const tab = await openPage(browser, `${demos.url}/${page}`);
			await until(() => tab.evaluate(() => window.jQuery?._data(document.getElementById('start'), 'events')?.click), 'page');
			await tab.evaluate(() => document.getElementById('start').click());
			await until(() => tab.evaluate(() => window.jQuery?._data(document.getElementById('register') ?? {}, 'events')?.click), 'form');
			await tab.evaluate((name) => { document.getElementById('username').value = name; registerUsername(); }, name);
			return tab;
		}

		/** Pictures that run on this tab and are not the tab's own. */
		const playing = (tab) => tab.evaluate(() => [...document.querySelectorAll('video[id^=remotevideo]')]
			.filter((video) => video.videoWidth > 0 && video.currentTime > 0).length);

		const audible = async (tab) => (await figures(tab)).audioBytes;

		test('each sees and hears the two others', async () => {
			for (const name of NAMES) tabs.push(await join(name));
			for (const tab of tabs) await until(async () => await playing(tab) === 2, 'two pictures');
			for (const tab of tabs) {
				const first = await figures(tab);
				await until(async () => (await figures(tab)).frames >= first.frames + 60, 'more frames');
				await until(async () => await audible(tab) > first.audioBytes, 'more sound');
			}
		});

		test('who leaves is gone, the others go on', async () => {
			await tabs.pop().close();
			for (const tab of tabs) await until(async () => await playing(tab) === 1, 'one picture');
			for (const tab of tabs) {
				const first = await figures(tab);
				await until(async () => (await figures(tab)).frames >= first.frames + 30, 'more frames');
			}
		});

		test('who comes back is seen again', async () => {
			tabs.push(await join('zoe'));
			for (const tab of tabs) await until(async () => await playing(tab) === 2, 'two pictures');
		});

		test('unpublishing and publishing again', async () => {
			await tabs[0].evaluate(() => unpublishOwnFeed());
			for (const tab of tabs.slice(1)) await until(async () => await playing(tab) === 1, 'one picture');
			await tabs[0].evaluate(() => publishOwnFeed(true));
			for (const tab of tabs.slice(1)) await until(async () => await playing(tab) === 2, 'two pictures');
		});

		test('when all are gone nothing is left', async () => {
			while (tabs.length) await tabs.pop().close();
			await until(async () => (await server.handles()).length === 0, 'end of all handles');
		});
	});
}
