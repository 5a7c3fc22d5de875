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

/**
 * `page()` opens a page; `close()` ends the browser. Pages of both have goto, evaluate and click. `anyCertificate`: also sites whose certificate
 * is signed by nobody.
 */
export async function openChromium({ anyCertificate = false } = {}) {
	const folder = await mkdtemp(path.join(tmpdir(), 'chromium-'));
	const context = await chromium.launchPersistentContext(folder, {
		executablePath: '/usr/bin/chromium', headless: true, args: CHROMIUM, acceptDownloads: true, ignoreHTTPSErrors: anyCertificate,
	});
	return {
		page: () => context.newPage(),
		close: async () => { await context.close(); await rm(folder, { recursive: true, force: true }); },
	};
}

export async function openFirefox({ anyCertificate = false } = {}) {
	const browser = await puppeteer.launch({
		browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, extraPrefsFirefox: FIREFOX,
		acceptInsecureCerts: anyCertificate,
	});
	return { page: () => browser.newPage(), close: () => browser.close() };
}

/** As the two above, but each page is in a context of its own, as if it were somebody else's computer. */
export async function openContexts(name) {
	if (name === 'Chromium') {
		// Four who send and receive three pictures each are much for two cores.
		const args = [...CHROMIUM, '--use-fake-device-for-media-stream=fps=10'];
		const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args });
		return {
			page: async () => (await browser.newContext({ acceptDownloads: true })).newPage(),
			close: () => browser.close(),
		};
	}
	const browser = await puppeteer.launch({
		browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, extraPrefsFirefox: FIREFOX,
	});
	return { page: async () => (await browser.createBrowserContext()).newPage(), close: () => browser.close() };
}
