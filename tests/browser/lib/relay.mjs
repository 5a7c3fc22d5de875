// A UDP relay between a browser and the server, by which a stranger's ClientHellos come with the browser's address.

import { createSocket } from 'node:dgram';

const CLIENT_HELLO = 1, VERIFY_REQUEST = 3;
/** RFC 6347: where the record has the message's type, its number, and a ClientHello its random. */
const TYPE = 13, NUMBER = 17, RANDOM = 27;
/** Numbers that the stranger's ClientHellos have: the first, and as if somebody had asked for a cookie. */
const NUMBERS = [0, 1, 2, 3, 4];

const isDtls = (datagram) => datagram[0] >= 20 && datagram[0] <= 63;
const isClear = (datagram, type) => datagram[0] === 22 && datagram.readUInt16BE(3) === 0 && datagram[TYPE] === type;

function forged(hello) {
	return NUMBERS.map((number) => {
		const copy = Buffer.from(hello);
		copy.writeUInt16BE(number, NUMBER);
		copy[RANDOM + 5] ^= 1 + number;
		return copy;
	});
}

/**
 * To be evaluated before the page's scripts; the page needs a function `relayed`, which is `readdress`. It makes the browser
 * the DTLS client, and the relay the server's only candidate.
 */
export const DIVERT = `
	const send = WebSocket.prototype.send;
	WebSocket.prototype.send = function (text) { send.call(this, text.replace(/a=setup:actpass/g, 'a=setup:active')); };
	const set = RTCPeerConnection.prototype.setRemoteDescription;
	RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }) {
		return set.call(this, { type, sdp: await window.relayed(sdp) });
	};
`;

/** The stranger is there before the browser's first ClientHello arrives, and after each of the browser's DTLS datagrams. */
export async function openRelay() {
	const near = createSocket('udp4'), far = createSocket('udp4');
	await Promise.all([near, far].map((socket) => new Promise((resolve) => socket.bind(0, resolve))));
	let browser, server, hello, isAlone = true;
	const requests = [];
	const toServer = (datagram) => far.send(datagram, server.port, server.address);
	near.on('message', (datagram, from) => {
		browser = from;
		if (!isDtls(datagram)) return toServer(datagram);
		if (!hello && isClear(datagram, CLIENT_HELLO)) {
			hello = datagram;
			// What the server answers to these does not arrive, and neither does what the browser sends meanwhile.
			forged(hello).forEach(toServer);
			setTimeout(() => { isAlone = false; }, 200);
		}
		if (isAlone) return;
		toServer(datagram);
		forged(hello).forEach(toServer);
	});
	far.on('message', (datagram) => {
		if (isDtls(datagram) && isAlone) return;
		if (isClear(datagram, VERIFY_REQUEST)) requests.push(datagram.readUInt16BE(NUMBER));
		near.send(datagram, browser.port, browser.address);
	});
	return {
		/** Numbers of the requests for a cookie that went to the browser. */
		requests,
		/** The server's description, with the relay in the place of its IPv4 address. */
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
