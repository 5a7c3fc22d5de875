// Data channels of every kind, to a plugin that sends back what it gets, and with a tenth of the datagrams lost.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { BEHIND, openNat } from './lib/nat.mjs';
import { openPage } from './lib/figures.mjs';
import { servePage } from './lib/own.mjs';
import { withSample } from './lib/echo.mjs';
import { Server, until } from './lib/server.mjs';

/** Messages that may be lost, and those that may not. */
const COUNT = 100, RELIABLE = 20;

/** In the page. `window.channels[name].got` is what came back, in order; bytes as their length. */
async function connect() {
	const { Janus, Peer } = await import('/janus.mjs');
	const janus = await Janus.connect();
	const handle = await janus.attach('janus.plugin.echosample');
	const peer = new Peer(handle, { negotiate: async (offer) => (await handle.message({}, offer)).jsep });
	window.pc = peer.pc;
	window.channels = {};
	window.open = (name, label, options) => {
		const channel = peer.pc.createDataChannel(label, options);
		const one = window.channels[name] = { channel, got: [], isOpen: false, isClosed: false };
		channel.binaryType = 'arraybuffer';
		channel.onopen = () => { one.isOpen = true; };
		channel.onclose = () => { one.isClosed = true; };
		channel.onmessage = ({ data }) => one.got.push(typeof data === 'string' ? data : data.byteLength);
	};
	window.open('reliable', 'reliable');
	window.open('negotiated', 'agreed on', { negotiated: true, id: 21 });
	window.open('twin', 'twins');
	window.open('other twin', 'twins');
	window.open('retransmits', 'retransmits', { ordered: false, maxRetransmits: 0 });
	window.open('lifetime', 'lifetime', { ordered: false, maxPacketLifeTime: 1 });
	await peer.offer();
}

for (const [name, open] of [['Chromium', openChromium], ['Firefox', openFirefox]]) {
	describe(`data channels of ${name}`, () => {
		let sample, server, pages, nat, browser, page;
		before(async () => {
			sample = await withSample();
			// Of a lite agent there is no way to the browser but through the NAT.
			server = await Server.start({ general: sample.general, nat: 'ice_lite = true' });
			pages = await servePage(server);
			nat = await openNat();
			browser = await open();
			const url = `${pages.url}?server=${encodeURIComponent(server.ws)}`;
			page = await openPage(browser, url, { script: BEHIND, functions: { relayed: nat.readdress } });
			await page.evaluate(connect);
			await until(() => page.evaluate(() => Object.values(window.channels).every(({ isOpen }) => isOpen)), 'open channels');
		});
		after(async () => {
			await browser?.close();
			nat?.close();
			pages?.close();
			const how = await server?.stop();
			await sample?.remove();
			assert.deepEqual(how, { code: 0, signal: null }, server?.output);
		});

		const got = (channel) => page.evaluate((channel) => window.channels[channel].got.splice(0), channel);
		/** Sends these, numbers as so many bytes, and waits for as many; what came back. */
		async function echoed(channel, messages) {
			await page.evaluate(({ channel, messages }) => {
				for (const message of messages) {
					window.channels[channel].channel.send(typeof message === 'string' ? message : new Uint8Array(message));
				}
			}, { channel, messages });
			await until(() => page.evaluate(({ channel, length }) => window.channels[channel].got.length >= length,
				{ channel, length: messages.length }), `${messages.length} messages on "${channel}"`);
			return got(channel);
		}

		test('text, bytes, and nothing at all come back', async () => {
			const messages = ['grüße', 5, '', 0, 'behind nothing'];
			for (const channel of ['reliable', 'negotiated']) assert.deepEqual(await echoed(channel, messages), messages);
		});

		test('the largest message comes back, and its size is told', async () => {
			const largest = await page.evaluate(() => window.pc.sctp.maxMessageSize);
			// What a plugin can be given at once.
			assert.equal(largest, 65535);
			assert.deepEqual(await echoed('reliable', [largest, 'behind it']), [largest, 'behind it']);
		});

		test('the server knows two channels of one label, and how each is to be sent on', async () => {
			const [info] = await server.handles();
			const { channels } = info.webrtc.dtls;
			const of = (label) => channels.filter((channel) => channel.label === label);
			assert.equal(new Set(of('twins').map(({ stream }) => stream)).size, 2);
			assert.equal(of('retransmits')[0].reliability, 'max-retransmits');
			assert.equal(of('retransmits')[0].ordered, false);
			assert.deepEqual([of('lifetime')[0].reliability, of('lifetime')[0].limit], ['max-packet-lifetime', 1]);
		});

		test('a channel ends on both sides, and its label is used again', async () => {
			await page.evaluate(() => window.channels.twin.channel.close());
			await until(() => page.evaluate(() => window.channels.twin.isClosed), 'end of the channel');
			await until(async () => (await server.handles())[0].webrtc.dtls.channels.filter(({ label }) => label === 'twins').length === 1,
				'end at the server');
			assert.deepEqual(await echoed('other twin', ['still here']), ['still here']);
			await page.evaluate(() => window.open('again', 'again'));
			await until(() => page.evaluate(() => window.channels.again.isOpen), 'open channel');
			assert.deepEqual(await echoed('again', ['anew']), ['anew']);
		});

		for (const way of ['toServer', 'toBrowser']) {
			test(`a tenth is lost ${way === 'toServer' ? 'on the way to' : 'on the way from'} the server`, async () => {
				for (const channel of ['retransmits', 'lifetime']) {
					nat.lost[way] = 10;
					const dropped = nat.drops[way];
					// Each in a packet of its own.
					await page.evaluate(async ({ channel, count }) => {
						for (let number = 0; number < count; number += 1) {
							window.channels[channel].channel.send(`${number} ${'.'.repeat(1000)}`);
							await new Promise((resolve) => setTimeout(resolve, 5));
						}
					}, { channel, count: COUNT });
					// What is reliable gets through, all of it, in order, and behind what was sent before.
					const messages = Array.from({ length: RELIABLE }, (_, number) => `${number} ${'.'.repeat(500)}`);
					assert.deepEqual(await echoed('reliable', messages), messages);
					nat.lost[way] = 0;
					assert.deepEqual(await echoed('reliable', ['last']), ['last']);
					assert.ok(nat.drops[way] - dropped >= COUNT / 20, `${nat.drops[way] - dropped} datagrams were lost`);
					const numbers = (await got(channel)).map((text) => Number(text.split(' ')[0]));
					assert.equal(new Set(numbers).size, numbers.length, 'none twice');
					if (channel === 'retransmits') assert.ok(numbers.length > COUNT / 4, `${numbers.length} of ${COUNT}`);
					// A message that should live for a millisecond is often too old before it leaves, but not always.
					else {
						await until(async () => {
							await page.evaluate(() => window.channels.lifetime.channel.send('one more'));
							return (await got('lifetime')).length > 0;
						}, 'a message that is in time');
						await echoed('reliable', ['behind them']);
						await got('lifetime');
					}
					// Firefox repairs what should live for a millisecond.
					if (way === 'toServer' && channel === 'lifetime') continue;
					assert.ok(numbers.length < COUNT, `all ${COUNT} on "${channel}"`);
				}
			});
		}
	});
}
