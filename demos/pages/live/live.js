// Publishing camera and microphone into a room with WHIP, and watching who publishes there with WHEP.

import { ICE_SERVERS } from '../janus.mjs';
import { $, Devices, panel, play, sound, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';
import { Resource } from './whip.mjs';

const devices = new Devices($('devices'), { kinds: ['camera', 'microphone'] });
/** From Go live or Watch to Stop: { pc, resource }. */
let live = null;

panel(() => (live ? { live } : {}));

const endpoint = (kind) => new URL(`../${kind}/${encodeURIComponent($('room').value)}`, location);

async function begin(kind, prepare) {
	sound();
	enable(true);
	state(TEXTS.connecting, 'wait');
	const mine = { pc: new RTCPeerConnection({ iceServers: ICE_SERVERS }) };
	live = mine;
	mine.pc.onconnectionstatechange = () => changed(mine);
	try {
		await prepare(mine.pc);
		const resource = await Resource.open(mine.pc, endpoint(kind), $('token').value);
		if (live !== mine) return resource.close();
		mine.resource = resource;
	} catch (error) {
		if (live === mine) stop(error.message);
	}
}

async function publish(pc) {
	const stream = await devices.open();
	for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
	$('picture').muted = true;
	show(stream);
}

async function watch(pc) {
	const stream = new MediaStream();
	for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
	pc.ontrack = ({ track }) => stream.addTrack(track);
	$('picture').muted = false;
	show(stream);
}

function show(stream) {
	$('picture').srcObject = stream;
	play($('picture'));
}

function changed(mine) {
	if (live !== mine) return;
	const { connectionState } = mine.pc;
	if (connectionState === 'connected') state(TEXTS.connected, 'up');
	if (connectionState === 'disconnected') state(TEXTS.restarting, 'wait');
	if (connectionState === 'failed') restart();
}

function restart() {
	live?.resource?.restart().catch((error) => console.warn('no ICE restart:', error.message));
}

function stop(why) {
	live?.pc.close();
	live?.resource?.close();
	live = null;
	devices.stop();
	$('picture').srcObject = null;
	enable(false);
	state(why, why && 'down');
}

function enable(on) {
	for (const id of ['room', 'token', 'publish', 'watch']) $(id).disabled = on;
	$('stop').disabled = !on;
}

function named() {
	$('address').textContent = endpoint('whip');
}

$('publish').onclick = () => begin('whip', publish);
$('watch').onclick = () => begin('whep/room', watch);
$('stop').onclick = () => stop('');
$('room').oninput = named;
devices.addEventListener('change', () => {
	for (const sender of live?.pc.getSenders() ?? []) {
		const track = sender.track && devices.stream.getTracks().find(({ kind }) => kind === sender.track.kind);
		if (track) sender.replaceTrack(track);
	}
});
addEventListener('online', restart);
addEventListener('pagehide', () => live?.resource?.close());
named();
