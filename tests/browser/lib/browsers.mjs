// Chromium and Firefox as the distribution packages them, headless, with made-up cameras.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const CHROMIUM = [
	'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream',
	'--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns',
];

const FIREFOX = {
	'media.navigator.streams.fake': true,
	'media.navigator.permission.disabled': true,
	'media.peerconnection.ice.loopback': true,
	'media.peerconnection.ice.obfuscate_host_addresses': false,
	'media.autoplay.default': 0,
};

/** `page()` opens a page; `close()` ends the browser. Pages of both have goto, evaluate and click. */
export async function openChromium() {
	const folder = await mkdtemp(path.join(tmpdir(), 'chromium-'));
	const context = await chromium.launchPersistentContext(folder, {
		executablePath: '/usr/bin/chromium', headless: true, args: CHROMIUM, acceptDownloads: true,
	});
	return {
		page: () => context.newPage(),
		close: async () => { await context.close(); await rm(folder, { recursive: true, force: true }); },
	};
}

export async function openFirefox() {
	const browser = await puppeteer.launch({
		browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, extraPrefsFirefox: FIREFOX,
	});
	return { page: () => browser.newPage(), close: () => browser.close() };
}
