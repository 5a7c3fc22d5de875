// A NAT between a browser and the server: it loses what it is told to lose, and may forget the browser's mapping.

import { createSocket } from 'node:dgram';

/**
 * To be evaluated before the page's scripts; the page needs a function `relayed`, which is `readdress`. The server is told no
 * address of the browser, as if none could be reached; and the page restarts no ICE.
 */
export const BEHIND = `
	const send = WebSocket.prototype.send;
	WebSocket.prototype.send = function (text) {
		const message = JSON.parse(text);
		if (message.janus === 'trickle') message.candidate = { completed: true };
		if (message.jsep) message.jsep.sdp = message.jsep.sdp.replace(/a=candidate:.*\\r\\n/g, '');
		send.call(this, JSON.stringify(message));
	};
	const offer = RTCPeerConnection.prototype.createOffer;
	RTCPeerConnection.prototype.createOffer = async function (options) {
		if (options?.iceRestart) throw new Error('not in this test');
		return offer.call(this, options);
	};
	const set = RTCPeerConnection.prototype.setRemoteDescription;
	RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }) {
		return set.call(this, { type, sdp: await window.relayed(sdp) });
	};
`;

const bound = async () => {
	const socket = createSocket('udp4');
	await new Promise((resolve) => socket.bind(0, resolve));
	return socket;
};

/** DTLS records of application data: what SCTP is in. */
const isData = (datagram) => datagram[0] === 23;

/**
 * `lost.toServer`, `lost.toBrowser`: of how many datagrams of data channels one is lost; 0 for none. `drops` counts them. Not
 * each tenth: message and acknowledgement take turns, and each tenth is always the same of the two.
 */
export async function openNat() {
	const near = await bound();
	let far, browser, server;
	const lost = { toServer: 0, toBrowser: 0 }, drops = { toServer: 0, toBrowser: 0 };
	let dice = 1;
	const passes = (datagram, way) => {
		if (!lost[way] || !isData(datagram)) return true;
		dice = (dice * 48271) % 2147483647;
		if (dice * lost[way] >= 2147483647) return true;
		drops[way] += 1;
		return false;
	};
	async function rebind() {
		const former = far;
		far = await bound();
		far.on('message', (datagram) => passes(datagram, 'toBrowser') && near.send(datagram, browser.port, browser.address));
		former?.close();
	}
	await rebind();
	near.on('message', (datagram, from) => {
		browser = from;
		if (passes(datagram, 'toServer')) far.send(datagram, server.port, server.address);
	});
	return {
		lost,
		drops,
		/** From now on the browser has another address, as seen from the server; what goes to the former one is lost. */
		rebind,
		get port() { return far.address().port; },
		/** The server's description, with the NAT in the place of its IPv4 addresses. */
		readdress(sdp) {
			return sdp.replace(/a=candidate:(\S+) 1 udp (\d+) (\S+) (\d+) typ host.*\r\n/g, (_, foundation, priority, address, port) => {
				if (address.includes(':') || (server && server.port !== Number(port))) return '';
				server = { address, port: Number(port) };
				return `a=candidate:${foundation} 1 udp ${priority} ${address} ${near.address().port} typ host\r\n`;
			});
		},
		close() { near.close(); far.close(); },
	};
}
