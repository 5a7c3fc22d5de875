// Writes the offers of this machine's browsers, and of libdatachannel where npm's `node-datachannel` is installed:
// `cd tests/browser && node ../corpus/sdp/offers/make.mjs`. What names a machine or a person is replaced.

import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { openChromium, openFirefox } from '../../../browser/lib/browsers.mjs';

/** Addresses of the documentation's networks, names and credentials of nobody. */
export function anonymous(sdp) {
	return sdp
		.replace(/(a=candidate:\S+ \d \S+ \d+) \d+\.\d+\.\d+\.\d+ /g, '$1 192.0.2.10 ')
		.replace(/(a=candidate:\S+ \d \S+ \d+) [0-9a-f]*:[0-9a-f:.]+ /gi, '$1 2001:db8::10 ')
		.replace(/ \S+\.local /g, ' 01234567-89ab-4cde-8f01-23456789abcd.local ')
		.replace(/raddr \S+/g, 'raddr 192.0.2.10')
		.replace(/c=IN IP4 (?!0\.0\.0\.0|127\.)\S+/g, 'c=IN IP4 192.0.2.10')
		.replace(/a=rtcp:(\d+) IN IP4 (?!0\.0\.0\.0)\S+/g, 'a=rtcp:$1 IN IP4 192.0.2.10');
}

const write = (name, sdp) => writeFile(new URL(`${name}.sdp`, import.meta.url), anonymous(sdp));

/** In the page: what a client may offer, by name. */
async function offers() {
	const made = {};
	async function make(name, prepare, options = {}) {
		const pc = new RTCPeerConnection(options);
		await prepare(pc);
		await pc.setLocalDescription();
		await new Promise((resolve) => {
			if (pc.iceGatheringState === 'complete') return resolve();
			pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
			setTimeout(resolve, 5000);
		});
		made[name] = pc.localDescription.sdp;
		pc.close();
	}
	const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
	const both = (pc) => stream.getTracks().forEach((track) => pc.addTrack(track, stream));
	await make('all', (pc) => { both(pc); pc.createDataChannel('data'); });
	await make('data', (pc) => { pc.createDataChannel('data'); });
	await make('receiver', (pc) => ['audio', 'video'].forEach((kind) => pc.addTransceiver(kind, { direction: 'recvonly' })));
	await make('simulcast', (pc) => {
		pc.addTransceiver(stream.getAudioTracks()[0], { streams: [stream] });
		pc.addTransceiver(stream.getVideoTracks()[0], { streams: [stream],
			sendEncodings: [{ rid: 'h' }, { rid: 'm', scaleResolutionDownBy: 2 }, { rid: 'l', scaleResolutionDownBy: 4 }] });
	});
	await make('unbundled', both, { bundlePolicy: 'max-compat' });
	// One of three that was stopped before the next offer.
	{
		const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
		both(a);
		a.createDataChannel('data');
		await a.setLocalDescription();
		await b.setRemoteDescription(a.localDescription);
		await b.setLocalDescription();
		await a.setRemoteDescription(b.localDescription);
		a.getTransceivers()[0].stop();
		await a.setLocalDescription(await a.createOffer({ iceRestart: true }));
		made['stopped-first'] = a.localDescription.sdp;
		a.close();
		b.close();
	}
	return made;
}

const web = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<p>offers'));
await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve));
for (const [name, open] of [['chromium', openChromium], ['firefox', openFirefox]]) {
	const browser = await open();
	const page = await browser.page();
	await page.goto(`http://localhost:${web.address().port}/`);
	for (const [what, sdp] of Object.entries(await page.evaluate(offers))) await write(`${name}-${what}`, sdp);
	await browser.close();
}
web.close();

let datachannel;
try {
	datachannel = createRequire(process.env.DATACHANNEL ?? import.meta.url)('node-datachannel');
} catch {
	console.log('no node-datachannel: the offers of libdatachannel stay as they are');
}
if (datachannel) {
	const { PeerConnection, Audio, Video } = datachannel;
	const make = (name, prepare) => new Promise((resolve) => {
		const pc = new PeerConnection('offers', { iceServers: [] });
		pc.onGatheringStateChange((state) => state === 'complete' && resolve(write(`libdatachannel-${name}`, pc.localDescription().sdp)));
		prepare(pc);
	});
	await make('data', (pc) => pc.createDataChannel('data'));
	await make('all', (pc) => {
		const audio = new Audio('audio', 'SendRecv');
		audio.addOpusCodec(111);
		audio.addSSRC(1111, 'cname', 'stream', 'track-a');
		const video = new Video('video', 'SendOnly');
		video.addVP8Codec(96);
		video.addH264Codec(102);
		video.addSSRC(2222, 'cname', 'stream', 'track-v');
		pc.addTrack(audio);
		pc.addTrack(video);
		pc.createDataChannel('data');
		pc.setLocalDescription();
	});
	// Its own end is not clean.
	process.kill(process.pid, 'SIGKILL');
}
