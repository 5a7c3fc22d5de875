// Data channels by copy and paste, without any server.

import { ICE_SERVERS } from '../janus.mjs';
import { $, make, panel, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';

let pc, channels;

panel(() => (pc ? { paste: { pc, handle: { janus: {} } } } : {}));

function begin() {
	pc?.close();
	pc = new RTCPeerConnection({ iceServers: ICE_SERVERS });
	channels = [];
	pc.ondatachannel = ({ channel }) => take(channel);
	pc.onconnectionstatechange = () => state(pc.connectionState, pc.connectionState === 'connected' ? 'up' : 'wait');
	$('ours').value = '';
	$('copy').disabled = true;
}

function take(channel) {
	channels.push(channel);
	channel.binaryType = 'arraybuffer';
	channel.onopen = () => { $('message').disabled = $('send').disabled = false; };
	channel.onmessage = ({ data }) => log(`${channel.label}: ${typeof data === 'string' ? data : `${data.byteLength} bytes`}`);
}

/** With all candidates in it: then one text is enough. */
async function describe() {
	await pc.setLocalDescription();
	while (pc.iceGatheringState !== 'complete') await new Promise((done) => pc.addEventListener('icegatheringstatechange', done, { once: true }));
	$('ours').value = JSON.stringify(pc.localDescription);
	$('copy').disabled = false;
}

async function offer() {
	begin();
	take(pc.createDataChannel('paste'));
	await describe();
}

/** JSON, as this page gives it, or plain SDP. */
async function accept() {
	const text = $('theirs').value.trim();
	const type = pc.signalingState === 'have-local-offer' ? 'answer' : 'offer';
	try {
		const sdp = `${text.split(/[\r\n]+/).join('\r\n')}\r\n`;
		await pc.setRemoteDescription(text.startsWith('{') ? JSON.parse(text) : { type, sdp });
		if (pc.signalingState === 'have-remote-offer') await describe();
	} catch (error) {
		state(error.message, 'down');
	}
}

function log(text) {
	$('log').append(make('li', { textContent: text }));
	$('log').lastChild.scrollIntoView({ block: 'nearest' });
}

$('offerer').onchange = offer;
$('answerer').onchange = begin;
$('accept').onclick = accept;
$('copy').onclick = async () => {
	try {
		await navigator.clipboard.writeText($('ours').value);
		state(TEXTS.copied, 'up');
	} catch {
		$('ours').select();
	}
};
$('form').onsubmit = (event) => {
	event.preventDefault();
	for (const channel of channels) if (channel.readyState === 'open') channel.send($('message').value);
	log(`${TEXTS.you}: ${$('message').value}`);
	$('message').value = '';
};
begin();
