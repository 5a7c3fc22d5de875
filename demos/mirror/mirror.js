// Camera and microphone go to the server's echo test plugin and come back; pictures of it can be kept.

import { Janus } from './janus.mjs';

const $ = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
const server = parameters.get('server') ?? `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`;

/** One call, from Start to Hang up. */
class Call {
	static async start(stream) {
		const call = new Call();
		call.janus = await Janus.connect(server, 'janus.plugin.echotest');
		call.janus.addEventListener('event', ({ detail }) => call.#event(detail));
		call.janus.addEventListener('close', () => current === call && ended('connection lost'));
		await call.#connect(stream);
		return call;
	}

	async #connect(stream) {
		this.pc = new RTCPeerConnection();
		for (const track of stream.getTracks()) this.pc.addTrack(track, stream);
		this.channel = this.pc.createDataChannel('JanusDataChannel');
		this.channel.onopen = () => enable(true, 'message', 'send');
		this.channel.onmessage = ({ data }) => said(data);
		const remote = new MediaStream();
		$('remote').srcObject = remote;
		this.pc.ontrack = ({ track }) => remote.addTrack(track);
		this.pc.onicecandidate = ({ candidate }) => this.janus.trickle(candidate?.toJSON());
		await this.pc.setLocalDescription();
		const { type, sdp } = this.pc.localDescription;
		const answer = await this.janus.message({ audio: true, video: true, data: true }, { type, sdp });
		await this.pc.setRemoteDescription(answer.jsep);
	}

	#event(message) {
		if (message.janus === 'webrtcup') state('connected', 'up');
		if (message.janus === 'hangup') ended(`hung up: ${message.reason}`);
		if (message.janus === 'slowlink') state(`losing packets (${message.lost})`, 'up');
	}

	close() {
		this.pc?.close();
		this.janus.close();
	}
}

let current = null;
let timer = 0;
let previous = null;

function state(text, look = '') {
	$('state').textContent = text;
	$('state').className = look;
}

function enable(on, ...ids) {
	for (const id of ids) $(id).disabled = !on;
}

function said(text) {
	const line = document.createElement('li');
	line.textContent = text;
	$('echoes').prepend(line);
}

async function start() {
	enable(false, 'start');
	state('asking for camera and microphone');
	try {
		const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } });
		$('local').srcObject = stream;
		state('connecting');
		current = await Call.start(stream);
		enable(true, 'hangup', 'audio', 'video', 'photo', 'bitrate');
		timer = setInterval(figures, 1000);
	} catch (error) {
		ended(error.message);
	}
}

function ended(why) {
	clearInterval(timer);
	const ending = current;
	current = null;
	ending?.close();
	for (const track of $('local').srcObject?.getTracks() ?? []) track.stop();
	$('local').srcObject = $('remote').srcObject = null;
	previous = null;
	for (const id of ['audio', 'video']) $(id).setAttribute('aria-pressed', 'false');
	enable(false, 'hangup', 'audio', 'video', 'photo', 'bitrate', 'message', 'send');
	enable(true, 'start');
	state(why, 'down');
}

async function toggle(kind) {
	const muted = $(kind).getAttribute('aria-pressed') !== 'true';
	$(kind).setAttribute('aria-pressed', String(muted));
	await current.janus.message({ [kind]: !muted });
}

async function limit() {
	const kbit = Number($('bitrate').value);
	$('bitrate-text').textContent = kbit ? `${kbit} kbit/s` : 'no limit';
	await current.janus.message({ bitrate: kbit * 1000 });
}

/** The echoed picture as a PNG that can be saved. */
function photo() {
	const video = $('remote');
	const canvas = document.createElement('canvas');
	canvas.width = video.videoWidth;
	canvas.height = video.videoHeight;
	canvas.getContext('2d').drawImage(video, 0, 0);
	canvas.toBlob((blob) => {
		const link = document.createElement('a');
		link.href = URL.createObjectURL(blob);
		link.download = `photo-${new Date().toISOString().replaceAll(':', '-')}.png`;
		const image = document.createElement('img');
		image.src = link.href;
		image.alt = link.download;
		link.append(image);
		$('photos').prepend(link);
		link.click();
	}, 'image/png');
}

/** Figures of getStats, and their change since a second ago. */
async function figures() {
	if (!current) return;
	const stats = [...(await current.pc.getStats()).values()];
	const received = (kind) => stats.find((s) => s.type === 'inbound-rtp' && s.kind === kind) ?? {};
	const pair = stats.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded') ?? {};
	const video = received('video');
	const audio = received('audio');
	const now = { bytes: (video.bytesReceived ?? 0) + (audio.bytesReceived ?? 0), frames: video.framesDecoded ?? 0 };
	const was = previous ?? now;
	previous = now;
	const rows = {
		'Frames decoded': now.frames,
		'Frames per second': now.frames - was.frames,
		'Received': `${Math.round(((now.bytes - was.bytes) * 8) / 1000)} kbit/s`,
		'Picture': video.frameWidth ? `${video.frameWidth} × ${video.frameHeight}` : '–',
		'Sound received': `${audio.bytesReceived ?? 0} bytes`,
		'Packets lost': (video.packetsLost ?? 0) + (audio.packetsLost ?? 0),
		'Round trip': pair.currentRoundTripTime === undefined ? '–' : `${Math.round(pair.currentRoundTripTime * 1000)} ms`,
	};
	$('figures').tBodies[0].replaceChildren(...Object.entries(rows).map(([name, value]) => {
		const row = document.createElement('tr');
		row.append(...[name, value].map((text) => Object.assign(document.createElement('td'), { textContent: text })));
		return row;
	}));
}

$('start').onclick = start;
$('hangup').onclick = () => current?.janus.hangup();
$('audio').onclick = () => toggle('audio');
$('video').onclick = () => toggle('video');
$('photo').onclick = photo;
$('bitrate').onchange = limit;
$('form').onsubmit = (event) => {
	event.preventDefault();
	current?.channel.send($('message').value);
	$('message').value = '';
};
addEventListener('pagehide', () => current?.close());
