// A room for several, over the server's video room plugin: one PeerConnection sends (three simulcast layers), one receives
// everybody (multistream), and each tile takes the layer that fits it.

import { Janus, LAYERS, Peer, random } from '../janus.mjs';
import { $, Devices, follow, isPressed, keys, kept, make, muting, panel, press, screenTrack, show, sound, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';
import { Tile } from './tile.mjs';

/** The server's plugin for rooms, or what is built in where there is none: it takes the same requests. */
const PLUGINS = ['janus.plugin.videoroom', 'janus.rs.room'];
/** Errors of the plugin. */
const NO_SUCH_ROOM = 426, ROOM_EXISTS = 427, UNAUTHORIZED = 433, FULL = 432;
const TELL_MS = 2000, FIT_MS = 500;

const parameters = new URLSearchParams(location.search);
const roomName = decodeURIComponent(location.pathname.split('/').at(-1));
const pin = new URLSearchParams(location.hash.slice(1)).get('pin') ?? undefined;
const devices = new Devices($('devices'));
const mute = muting(() => devices.stream, () => tellState());
/** From Join to Leave: { janus, id, up, down, channel, people, streams, own, shared, secret }. */
let room = null;
let unread = 0;

panel(() => Object.fromEntries([['up', room?.up], ['down', room?.down]].filter(([, peer]) => peer)));

/** Rooms have numbers unless the operator wants texts: 52 bits of the name's FNV-1a sum. */
function numberOf(name) {
	let sum = 0xcbf29ce484222325n;
	for (const byte of new TextEncoder().encode(name)) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n);
	return Number(sum >> 12n);
}
const number = numberOf(roomName);

// ---- Coming and going

async function enter(display) {
	$('go').disabled = true;
	state(TEXTS.connecting, 'wait');
	sound();
	const mine = { people: new Map(), streams: [], secret: kept.get(`secret.${number}`) };
	try {
		await devices.open();
		mine.janus = await Janus.connect();
		mine.handle = await mine.janus.attach(...PLUGINS);
		room = mine;
		follow(mine.janus, again);
		mine.handle.addEventListener('message', ({ detail }) => happened(mine, detail.data));
		mine.handle.addEventListener('hangup', () => room === mine && mine.up && again());
		const joined = await join(mine, display);
		mine.id = joined.id;
		mine.privateId = joined.private_id;
		view(true);
		mine.own = new Tile($('tiles'), { name: `${display} (${TEXTS.you})`, isOwn: true });
		showOwn(mine);
		state(TEXTS.connected, 'up');
		await publish(mine);
		met(mine, joined.publishers ?? []);
		mine.timers = [setInterval(tellState, TELL_MS), setInterval(() => fit(mine), FIT_MS)];
		kept.set('name', display);
		sessionStorage.setItem('room', JSON.stringify([roomName, display]));
		promise();
	} catch (error) {
		leave(false);
		mine.janus?.close();
		const known = { [UNAUTHORIZED]: TEXTS.wrongPin, 460: TEXTS.absent('videoroom') };
		state(known[error.code] ?? error.message, 'down');
	}
	$('go').disabled = false;
}

/** Makes the room when it is not there; whoever does holds the secret by which others are muted and removed. */
async function join(mine, display) {
	const request = { request: 'join', ptype: 'publisher', room: number, display, pin };
	try {
		return (await mine.handle.message(request)).data;
	} catch (error) {
		if (error.code !== NO_SUCH_ROOM) throw error;
	}
	const secret = random();
	try {
		await mine.handle.message({
			request: 'create', room: number, description: roomName, pin, secret, permanent: false, is_private: true,
			publishers: Number(parameters.get('publishers') ?? 8), bitrate: 2500000, notify_joining: true,
			videocodec: 'vp8', audiocodec: 'opus', admin_key: parameters.get('key') ?? undefined,
		});
		mine.secret = secret;
		kept.set(`secret.${number}`, secret);
	} catch (error) {
		if (error.code === UNAUTHORIZED) throw new Error(TEXTS.mayNotCreate);
		// Somebody was faster.
		if (error.code !== ROOM_EXISTS) throw error;
	}
	return (await mine.handle.message(request)).data;
}

/** After a session or a connection was lost. */
function again() {
	const display = $('name').value;
	leave(false);
	enter(display);
}

function leave(forGood) {
	const leaving = room;
	room = null;
	if (leaving) {
		leaving.timers?.forEach(clearInterval);
		for (const person of leaving.people.values()) person.tiles.forEach((tile) => tile.remove());
		for (const tile of [leaving.own, leaving.ownScreen]) tile?.remove();
		for (const peer of [leaving.up, leaving.down]) peer?.close();
		leaving.shared?.stop();
		// The last one puts the light out.
		if (forGood && leaving.secret && !leaving.people.size) leaving.handle?.message({ request: 'destroy', room: number, secret: leaving.secret }).catch(() => {}).then(() => leaving.janus.close());
		else leaving.janus?.close();
	}
	if (!forGood) return;
	sessionStorage.removeItem('room');
	devices.stop();
	for (const id of ['audio', 'video', 'hand', 'screen']) press($(id), false);
	view(false);
	state('', '');
}

/** Events of the room. */
function happened(mine, data) {
	if (data.publishers) met(mine, data.publishers);
	if (data.joining) { write(TEXTS.joined(data.joining.display)); tellState(); }
	const gone = [data.unpublished, data.leaving, data.kicked].find((id) => id && id !== 'ok');
	if (gone === mine.id || (data.leaving === 'ok' && data.reason === 'kicked')) return removed();
	if (gone) lost(mine, gone);
	if (data.moderation && data.id === mine.id) hostMuted(data);
	if (data.videoroom === 'destroyed') removed();
}

function removed() {
	leave(true);
	state(TEXTS.kicked, 'down');
}

function hostMuted({ moderation }) {
	press($('audio'), moderation === 'muted');
	mute.apply();
	if (moderation === 'muted') state(TEXTS.mutedByHost, 'wait');
	tellState();
}

// ---- Sending

async function publish(mine) {
	const peer = new Peer(mine.handle, {
		negotiate: async (offer) => {
			const descriptions = peer.pc.getTransceivers().filter((one) => one.mid && one.isScreen).map(({ mid }) => ({ mid, description: 'screen' }));
			const request = mine.isPublished ? 'configure' : 'publish';
			const { jsep } = await mine.handle.message({ request, ...(descriptions.length && { descriptions }) }, offer);
			mine.isPublished = true;
			return jsep;
		},
	});
	peer.addEventListener('state', ({ detail }) => {
		if (detail === 'disconnected') state(TEXTS.restarting, 'wait');
		if (detail === 'connected') state(TEXTS.connected, 'up');
	});
	const [audio, video] = ['audio', 'video'].map((kind) => devices.stream.getTracks().find((track) => track.kind === kind));
	peer.pc.addTransceiver(audio ?? 'audio', { direction: 'sendonly' });
	peer.pc.addTransceiver(video ?? 'video', { direction: 'sendonly', sendEncodings: LAYERS });
	mine.channel = peer.pc.createDataChannel('JanusDataChannel');
	mine.channel.onopen = () => { for (const id of ['text', 'send']) $(id).disabled = false; tellState(); };
	mute.apply();
	try {
		await peer.offer();
		mine.up = peer;
	} catch (error) {
		peer.close();
		if (error.code !== FULL) throw error;
		mine.isWatching = true;
		state(TEXTS.full, 'wait');
	}
}

/** The screen is a stream of its own in the same PeerConnection. */
async function share() {
	const mine = room;
	if (mine.shared) return stopSharing(mine);
	const track = await screenTrack();
	if (!track || room !== mine || !mine.up) return track?.stop();
	mine.shared = track;
	track.onended = () => stopSharing(mine);
	press($('screen'), true);
	mine.screen ??= mine.up.pc.addTransceiver('video', { direction: 'sendonly' });
	mine.screen.isScreen = true;
	mine.screen.direction = 'sendonly';
	await mine.screen.sender.replaceTrack(track);
	mine.ownScreen = new Tile($('tiles'), { name: TEXTS.screenOf(TEXTS.you), isOwn: true, isScreen: true });
	mine.ownScreen.take(track);
	await mine.up.offer();
	promise();
}

async function stopSharing(mine) {
	if (!mine.shared) return;
	mine.shared.stop();
	mine.shared = null;
	press($('screen'), false);
	mine.ownScreen.remove();
	mine.screen.direction = 'inactive';
	await mine.screen.sender.replaceTrack(null);
	if (room === mine) await mine.up.offer();
	promise();
}

// ---- Receiving

/** Publishers that are new, or whose streams have changed. */
function met(mine, publishers) {
	const wanted = [], ended = [];
	for (const { id, display, streams } of publishers) {
		let person = mine.people.get(id);
		if (!person) {
			person = { id, display: display ?? String(id), tiles: new Map(), keys: new Map() };
			mine.people.set(id, person);
		}
		person.streams = streams;
		for (const stream of streams) {
			const { mid } = stream, had = person.keys.get(mid);
			if (stream.disabled) {
				// A stream that has ended may have lost its description.
				if (!had) continue;
				person.keys.delete(mid);
				ended.push({ feed: id, mid });
				if (had === 'screen') { person.tiles.get(had)?.remove(); person.tiles.delete(had); }
				continue;
			}
			const key = stream.description === 'screen' ? 'screen' : 'camera';
			if (stream.type !== 'data' && !person.tiles.has(key)) person.tiles.set(key, newTile(mine, person, key));
			if (!had) wanted.push({ feed: id, mid });
			person.keys.set(mid, key);
		}
	}
	if (ended.length && mine.down) unsubscribe(mine, ended);
	if (wanted.length) subscribe(mine, wanted);
	promise();
}

function newTile(mine, person, key) {
	const isScreen = key === 'screen';
	const asHost = (request, more) => mine.handle.message({ request, room: number, secret: mine.secret, id: person.id, ...more }).catch((error) => state(error.message, 'down'));
	return new Tile($('tiles'), {
		name: isScreen ? TEXTS.screenOf(person.display) : person.display, isScreen, devices,
		...(mine.secret && !isScreen && {
			mute: (isMuted) => person.streams.filter(({ type }) => type === 'audio').forEach(({ mid }) => asHost('moderate', { mid, mute: isMuted })),
			kick: () => asHost('kick'),
		}),
	});
}

function lost(mine, id) {
	const person = mine.people.get(id);
	if (!person) return;
	mine.people.delete(id);
	person.tiles.forEach((tile) => tile.remove());
	write(TEXTS.left(person.display));
	promise();
}

/** One subscription for everybody. The first makes it, others change it; one after the other. */
function subscribe(mine, streams) {
	mine.turn = (mine.turn ?? Promise.resolve()).then(async () => {
		if (mine.down) return offered(mine, await mine.down.handle.message({ request: 'subscribe', streams }));
		const handle = await mine.janus.attach(mine.handle.plugin);
		const down = new Peer(handle, { restart: async () => offered(mine, await handle.message({ request: 'configure', restart: true })) });
		down.pc.ondatachannel = ({ channel }) => { channel.onmessage = ({ data }) => heard(mine, JSON.parse(data)); };
		handle.addEventListener('message', ({ detail }) => offered(mine, detail));
		handle.addEventListener('hangup', () => room === mine && again());
		mine.down = down;
		return offered(mine, await handle.message({ request: 'join', ptype: 'subscriber', room: number, pin, private_id: mine.privateId, streams }));
	}).catch((error) => room === mine && console.warn('subscription:', error.message));
}

/** What has ended leaves its line of the connection to the next. */
function unsubscribe(mine, streams) {
	mine.turn = mine.turn.then(async () => offered(mine, await mine.down.handle.message({ request: 'unsubscribe', streams })))
		.catch((error) => room === mine && console.warn('subscription:', error.message));
}

/** Each change is an offer of the plugin; `streams` says whose stream each of its lines is. */
async function offered(mine, { data, jsep }) {
	if (data.streams) mine.streams = data.streams;
	if (!jsep) return;
	const answer = await mine.down.answer(jsep);
	await mine.down.handle.message({ request: 'start' }, answer);
	for (const stream of mine.streams) {
		const transceiver = mine.down.pc.getTransceivers().find(({ mid }) => mid === stream.mid);
		const person = mine.people.get(stream.feed_id);
		if (!transceiver || !person || stream.active === false) continue;
		const isScreen = person.streams.find(({ mid }) => mid === stream.feed_mid)?.description === 'screen';
		person.tiles.get(isScreen ? 'screen' : 'camera')?.take(transceiver.receiver.track);
	}
}

/** Each tile gets the layer that it can show, and none while nobody sees it. */
function fit(mine) {
	const streams = [];
	for (const { mid, feed_id: feed, feed_mid, type, active } of mine.streams) {
		if (type !== 'video' || active === false) continue;
		const person = mine.people.get(feed);
		const told = person?.streams.find((one) => one.mid === feed_mid);
		const tile = person?.tiles.get(told?.description === 'screen' ? 'screen' : 'camera');
		const change = tile?.wants(mid, Boolean(told?.simulcast));
		if (change) streams.push(change);
	}
	if (streams.length) mine.down?.handle.message({ request: 'configure', streams }).catch(() => {});
	const loudest = [...mine.people.values()].map(({ tiles }) => tiles.get('camera')).filter(Boolean).sort((a, b) => b.loud - a.loud)[0];
	for (const { tiles } of mine.people.values()) tiles.forEach((tile) => tile.speaking(tile === loudest && tile.loud > 0.5));
}

// ---- What people tell each other

function tell(what) {
	if (room?.channel?.readyState === 'open') room.channel.send(JSON.stringify({ from: room.id, ...what }));
}

/** Again and again, for whoever came later. */
function tellState() {
	const status = { hand: isPressed($('hand')), muted: isPressed($('audio')), dark: isPressed($('video')) || !devices.stream.getVideoTracks().length };
	room?.own?.status(status);
	tell({ status });
}

function heard(mine, { from, chat, status }) {
	const person = mine.people.get(from);
	if (!person) return;
	if (chat !== undefined) write(`${person.display}: ${chat}`, true);
	if (!status) return;
	if (status.hand && !person.hand) state(TEXTS.handUp(person.display), 'up');
	person.hand = status.hand;
	person.tiles.get('camera')?.status(status);
}

function write(text, isMessage) {
	$('log').append(make('li', { textContent: text, className: isMessage ? '' : 'soft' }));
	$('log').lastChild.scrollIntoView({ block: 'nearest' });
	if (isMessage && !$('chat').open) unread += 1;
	$('chat-title').textContent = TEXTS.chat(unread);
}

function promise() {
	if (!room) return;
	const others = room.people.size;
	const received = [...room.people.values()].reduce((sum, { tiles }) => sum + tiles.size, 0);
	const sent = room.isWatching ? 0 : 1 + Boolean(room.shared);
	$('promise').textContent = others ? TEXTS.promise(sent, received, others) : TEXTS.alone;
}

// ---- The page

function view(isIn) {
	show($('choose'), !roomName);
	show($('join'), roomName && !isIn);
	show($('meeting'), isIn);
}

function showOwn(mine) {
	for (const track of devices.stream.getTracks()) mine.own.take(track);
}

$('choose-form').onsubmit = (event) => {
	event.preventDefault();
	const secret = $('with-pin').checked ? `#pin=${random()}` : '';
	location.href = encodeURIComponent($('room').value.trim()).replaceAll('.', '%2E') + location.search + secret;
};
$('join-form').onsubmit = (event) => { event.preventDefault(); enter($('name').value.trim()); };
$('leave').onclick = () => leave(true);
$('screen').onclick = share;
$('hand').onclick = () => { press($('hand'), !isPressed($('hand'))); tellState(); };
$('link').onclick = async () => {
	try {
		await navigator.clipboard.writeText(location.href);
		state(TEXTS.linkCopied, 'up');
	} catch {
		state(location.href);
	}
};
$('chat').ontoggle = () => { if ($('chat').open) { unread = 0; $('chat-title').textContent = TEXTS.chat(0); } };
$('say').onsubmit = (event) => {
	event.preventDefault();
	if (!$('text').value) return;
	tell({ chat: $('text').value });
	write(`${TEXTS.you}: ${$('text').value}`);
	$('text').value = '';
};
devices.addEventListener('change', () => {
	mute.apply();
	for (const transceiver of room?.up?.pc.getTransceivers() ?? []) {
		const track = devices.stream.getTracks().find(({ kind }) => kind === transceiver.receiver.track.kind);
		if (!transceiver.isScreen && transceiver.sender.track !== track) transceiver.sender.replaceTrack(track ?? null);
	}
	if (room?.own) showOwn(room);
	tellState();
});
keys({
	m: () => room && mute.audio(), v: () => room && mute.video(), h: () => room && $('hand').click(),
	Escape: () => document.querySelector('.tile.pinned button[aria-pressed=true]')?.click(),
});
addEventListener('hashchange', () => location.reload());
addEventListener('pagehide', () => room?.janus.close());
show($('screen'), Boolean(navigator.mediaDevices?.getDisplayMedia));
$('name').value = kept.get('name') ?? '';
if (roomName) {
	$('title').textContent = roomName;
	document.title = `${roomName} · janus-rs`;
}
view(false);
const before = JSON.parse(sessionStorage.getItem('room') ?? '[]');
if (roomName && before[0] === roomName) { $('name').value = before[1]; enter(before[1]); }
