// Camera and microphone: here first, then to the server's echo test plugin and back.

import { Janus, LAYERS, Peer } from '../janus.mjs';
import { $, Devices, follow, isPressed, keys, panel, play, press, show, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';

const VIDEO_CODECS = ['vp8', 'vp9', 'h264', 'av1'];

const devices = new Devices($('devices'), { video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
/** What there is from Start to Hang up. */
let call = null;

panel(() => (call?.peer ? { mirror: call.peer } : {}));
fillCodecs();

function fillCodecs() {
	const wanted = new URLSearchParams(location.search).get('videocodec') ?? '';
	const can = RTCRtpSender.getCapabilities('video').codecs.map((codec) => codec.mimeType.slice('video/'.length).toLowerCase());
	const names = VIDEO_CODECS.filter((name) => can.includes(name));
	$('codec').replaceChildren(new Option('any', ''), ...names.map((name) => new Option(name.toUpperCase(), name)));
	$('codec').value = names.includes(wanted) ? wanted : '';
}

function enable(on) {
	for (const id of ['hangup', 'audio', 'video', 'bitrate']) $(id).disabled = !on;
	for (const id of ['start', 'codec', 'simulcast']) $(id).disabled = on;
	if (!on) for (const id of ['message', 'send']) $(id).disabled = true;
}

async function start() {
	enable(true);
	const mine = { sent: [] };
	call = mine;
	try {
		const stream = await devices.open();
		state(TEXTS.connecting, 'wait');
		mine.janus = await Janus.connect();
		mine.handle = await mine.janus.attach('janus.plugin.echotest');
		if (call !== mine) return mine.janus.close();
		follow(mine.janus, () => { ended(TEXTS.ended('')); start(); });
		mine.handle.addEventListener('webrtcup', () => state(TEXTS.connected, 'up'));
		mine.handle.addEventListener('hangup', ({ detail }) => call === mine && ended(`hung up: ${detail.reason}`));
		mine.handle.addEventListener('slowlink', ({ detail }) => state(TEXTS.losing(detail.lost), 'wait'));
		mine.handle.addEventListener('message', ({ detail }) => layerIs(detail.data));
		mine.peer = connect(mine, stream);
		await mine.peer.offer();
		show($('layers'), mine.simulcast);
	} catch (error) {
		if (call === mine) ended(error.message);
	}
}

function connect(mine, stream) {
	const videocodec = $('codec').value;
	mine.simulcast = $('simulcast').checked;
	const peer = new Peer(mine.handle, {
		negotiate: async (offer) => {
			const body = { audio: true, video: true, data: true, ...(videocodec && { videocodec }) };
			return (await mine.handle.message(body, offer)).jsep;
		},
	});
	peer.addEventListener('state', ({ detail }) => {
		if (detail === 'disconnected') state(TEXTS.restarting, 'wait');
		if (detail === 'connected') state(TEXTS.connected, 'up');
	});
	for (const track of stream.getTracks()) {
		const isLayered = track.kind === 'video' && mine.simulcast;
		const { sender } = peer.pc.addTransceiver(track, { streams: [stream], ...(isLayered && { sendEncodings: LAYERS }) });
		if (track.kind === 'video' && videocodec) prefer(peer.pc.getTransceivers().find((one) => one.sender === sender), videocodec);
	}
	const remote = new MediaStream();
	$('remote').srcObject = remote;
	devices.hear($('remote'));
	peer.pc.ontrack = ({ track }) => { remote.addTrack(track); play($('remote')); };
	mine.channel = peer.pc.createDataChannel('JanusDataChannel');
	mine.channel.onopen = () => { for (const id of ['message', 'send']) $(id).disabled = false; };
	mine.channel.onmessage = ({ data }) => said(data, performance.now() - mine.sent.shift());
	return peer;
}

/** The wanted codec first; the others stay, because retransmission is among them. */
function prefer(transceiver, name) {
	const codecs = RTCRtpReceiver.getCapabilities('video').codecs;
	const isWanted = (codec) => codec.mimeType.toLowerCase() === `video/${name}`;
	transceiver.setCodecPreferences([...codecs.filter(isWanted), ...codecs.filter((codec) => !isWanted(codec))]);
}

function ended(why) {
	const ending = call;
	call = null;
	ending?.peer?.close();
	ending?.janus?.close();
	$('remote').srcObject = null;
	$('trip').textContent = '–';
	for (const id of ['audio', 'video']) press($(id), false);
	show($('layers'), false);
	enable(false);
	state(why, 'down');
}

function said(text, ms) {
	const line = document.createElement('li');
	line.textContent = TEXTS.roundTrip(text, Math.round(ms));
	$('echoes').prepend(line);
}

/** The plugin mutes: the page goes on sending, and nothing comes back. */
async function toggle(kind) {
	if ($(kind).disabled) return;
	press($(kind), !isPressed($(kind)));
	await call.handle.message({ [kind]: !isPressed($(kind)) });
}

function layerIs({ substream }) {
	if (substream === undefined) return;
	const buttons = [...$('layers').querySelectorAll('button')];
	for (const button of buttons) press(button, Number(button.dataset.layer) === substream);
	$('layer').textContent = TEXTS.layer(buttons[substream]?.textContent);
}

async function trip() {
	const stats = await call?.peer?.pc.getStats();
	const pair = [...stats?.values() ?? []].find((one) => one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded');
	if (pair?.currentRoundTripTime === undefined) return;
	const { videoWidth, videoHeight } = $('remote');
	$('trip').textContent = `${videoWidth} × ${videoHeight}, ${Math.round(pair.currentRoundTripTime * 1000)} ms`;
}

setInterval(trip, 1000);
$('start').onclick = start;
$('hangup').onclick = () => call?.handle?.hangup();
$('audio').onclick = () => toggle('audio');
$('video').onclick = () => toggle('video');
$('bitrate').onchange = () => call?.handle.message({ bitrate: Number($('bitrate').value) * 1000 });
$('bitrate').oninput = () => {
	const kbit = Number($('bitrate').value);
	$('bitrate-text').textContent = kbit ? `${kbit} kbit/s` : TEXTS.noLimit;
};
$('layers').onclick = ({ target }) => target.dataset.layer && call?.handle.message({ substream: Number(target.dataset.layer), temporal: 2 });
$('form').onsubmit = (event) => {
	event.preventDefault();
	if (!$('message').value) return;
	call?.sent.push(performance.now());
	call?.channel.send($('message').value);
	$('message').value = '';
};
devices.addEventListener('change', () => {
	for (const sender of call?.peer?.pc.getSenders() ?? []) {
		const kind = sender.track?.kind;
		if (kind) sender.replaceTrack(devices.stream.getTracks().find((track) => track.kind === kind) ?? sender.track);
	}
});
keys({ m: () => toggle('audio'), v: () => toggle('video'), Escape: () => call?.handle?.hangup() });
addEventListener('pagehide', () => call?.janus?.close());
