// Two people call each other by name, over the server's video call plugin: its `list` is who is online, and it passes
// offers, answers and media on.

import { Janus, Peer, sleep } from '../janus.mjs';
import { $, Devices, follow, keys, kept, make, muting, panel, play, playSound, press, screenTrack, show, sound, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';

const PLUGIN = 'janus.plugin.videocall';
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,30}[\p{L}\p{N}.]$/u;
/** The plugin's list has names only. Whoever is in a call holds a second name, which says so; it is not a NAME. */
const BUSY = '/busy';
const TAKEN = 476;
const POLL_MS = 5000;
/** Of a new path: they answer without being asked. */
const ANSWER_MS = 20000;
/** The server takes a call down in so long, or has nothing to take down. */
const DOWN_MS = 2000;
/** How long it rings; `?ring=SECONDS`. */
const ringMs = () => 1000 * Number(new URLSearchParams(location.search).get('ring') ?? 30);

const title = document.title;
const devices = new Devices($('devices'));
const mute = muting(() => devices.stream, tellMuted);
/** Online: { name, janus, handle, timer, down }; `down`: the call before is gone at the server, too. */
let me = null;
/** From the first ring to the end: { name, isCaller, peer, offer, busy, channel, isUp, answered, giveWay, theirs }. */
let call = null;

panel(() => (call?.peer ? { call: call.peer } : {}));

// ---- Online

/** `patient`: it is a reload, and the name of the page before may be there until its session is given up. */
async function goOnline(name, patient) {
	$('name-problem').textContent = '';
	if (!NAME.test(name)) { $('name-problem').textContent = TEXTS.badName; return; }
	$('go').disabled = true;
	state(TEXTS.connecting, 'wait');
	let janus;
	try {
		janus = await Janus.connect();
		const handle = await janus.attach(PLUGIN);
		await register(handle, name, patient ? 50 : 1);
		me = { name, janus, handle, down: Promise.resolve() };
	} catch (error) {
		janus?.close();
		$('name-problem').textContent = error.code === TAKEN ? TEXTS.nameTaken : error.code === 460 ? TEXTS.absent('videocall') : error.message;
		state('', '');
		return;
	} finally {
		$('go').disabled = false;
	}
	kept.set('name', name);
	sessionStorage.setItem('online', name);
	me.handle.addEventListener('message', ({ detail }) => told(detail));
	me.handle.addEventListener('hangup', () => call?.isUp && ended(TEXTS.callEnded));
	follow(janus, () => { ended(TEXTS.lost); offline(); goOnline(name, true); });
	me.timer = setInterval(list, POLL_MS);
	view();
	list();
}

async function register(handle, username, tries) {
	for (;;) {
		try {
			return await handle.message({ request: 'register', username });
		} catch (error) {
			if (error.code !== TAKEN || --tries === 0) throw error;
			await sleep(500);
		}
	}
}

function offline() {
	clearInterval(me?.timer);
	me?.janus.close();
	me = null;
	view();
}

async function list() {
	const { data } = await me.handle.message({ request: 'list' }).catch(() => ({ data: {} }));
	if (!me || !data.result?.list) return;
	const names = new Set(data.result.list);
	const others = [...names].filter((name) => name !== me.name && !name.endsWith(BUSY)).sort();
	const focused = document.activeElement?.dataset?.call;
	$('people').replaceChildren(...others.map((name) => {
		const isBusy = names.has(name + BUSY);
		const button = make('button', { textContent: TEXTS.callThem(name), onclick: () => dial(name), disabled: Boolean(call) });
		button.dataset.call = name;
		return make('li', {},
			make('span', { className: 'name', textContent: name }),
			make('span', { className: isBusy ? 'busy' : 'free', textContent: isBusy ? TEXTS.inCall : TEXTS.free }), button);
	}));
	if (focused) document.querySelector(`[data-call="${CSS.escape(focused)}"]`)?.focus();
	$('nobody').textContent = others.length ? '' : TEXTS.nobody;
}

// ---- Calls

/** What the plugin says without being asked, and the answers to what it was asked. */
function told({ data, jsep }) {
	const { event, username, reason } = data.result ?? {};
	if (event === 'incomingcall') ring(username, jsep);
	else if (event === 'accepted') { call?.answered?.(jsep); talking(); }
	else if (event === 'update' && jsep?.type === 'offer') update(jsep);
	else if (event === 'update') call?.answered?.(jsep);
	else if (event === 'hangup') hungUp(username, reason ?? '');
}

/** The answer comes with a later event: when they accept, or when they have seen a new path. */
function newPeer() {
	return new Peer(me.handle, {
		negotiate: async (offer) => {
			const mine = call;
			const answer = new Promise((resolve, reject) => { Object.assign(mine, { answered: resolve, giveWay: reject }); });
			answer.catch(() => {});
			if (mine.isUp) setTimeout(mine.giveWay, ANSWER_MS, new Error(TEXTS.noAnswer(mine.name)));
			if (mine.theirs) mine.giveWay(new Error('theirs comes first'));
			const request = mine.isUp ? { request: 'set' } : { request: 'call', username: mine.name };
			// That somebody is busy is said at once.
			if (!mine.theirs) told(await me.handle.message(request, offer));
			return answer;
		},
	});
}

async function dial(name) {
	if (call) return;
	sound();
	const mine = Object.assign(begin(name), { isCaller: true });
	$('calling-text').textContent = TEXTS.ringing(name);
	view('calling');
	await Promise.all([devices.open(), me.down]);
	if (call !== mine) return;
	mine.peer = newPeer();
	for (const kind of ['audio', 'video']) {
		const track = devices.stream.getTracks().find((one) => one.kind === kind);
		mine.peer.pc.addTransceiver(track ?? kind, { direction: 'sendrecv', streams: [devices.stream] });
	}
	setUp(mine);
	mine.timer = setTimeout(() => call === mine && stop(TEXTS.noAnswer(name)), ringMs());
	mine.peer.offer().catch((error) => call === mine && ended(error.code === 478 ? TEXTS.gone(name) : error.message));
}

function ring(name, offer) {
	const mine = begin(name);
	Object.assign(mine, { offer, isRinging: true });
	$('ring-text').textContent = TEXTS.incoming(name);
	$('ring').showModal();
	document.title = `☎ ${TEXTS.incoming(name)}`;
	if (document.hidden && window.Notification?.permission === 'granted') mine.note = new Notification(TEXTS.incoming(name));
	const signal = () => { tone(); navigator.vibrate?.(400); };
	signal();
	mine.bell = setInterval(signal, 2000);
	mine.timer = setTimeout(() => call === mine && stop(TEXTS.missed(name)), ringMs() + 5000);
}

async function accept(withPicture) {
	const mine = call;
	quiet(mine);
	sound();
	await Promise.all([devices.open(), me.down]);
	if (call !== mine) return;
	if (!withPicture) press($('video'), true);
	mute.apply();
	mine.peer = newPeer();
	setUp(mine);
	try {
		const answer = await mine.peer.answer(mine.offer, async () => {
			for (const transceiver of mine.peer.pc.getTransceivers()) {
				const track = devices.stream.getTracks().find(({ kind }) => kind === transceiver.receiver.track.kind);
				transceiver.direction = 'sendrecv';
				if (track) await transceiver.sender.replaceTrack(track);
			}
		});
		await me.handle.message({ request: 'accept' }, answer);
		talking();
	} catch (error) {
		if (call === mine) stop(error.message);
	}
}

/**
 * They have a new path (ICE restart). When both have one at once, and both offers wait for their answers, the caller's counts;
 * whoever was called takes the own one back, and makes it once more afterwards.
 */
async function update(offer) {
	const mine = call;
	const meets = mine.peer.offers > 0;
	if (meets && mine.isCaller) return;
	mine.theirs = (mine.theirs ?? 0) + 1;
	mine.giveWay?.(new Error('theirs comes first'));
	try {
		const answer = await mine.peer.answer(offer);
		await me.handle.message({ request: 'set' }, answer);
	} finally {
		mine.theirs--;
	}
	if (meets) mine.peer.restart();
}

function begin(name) {
	const mine = { name };
	call = mine;
	$('chat').replaceChildren();
	me.janus.attach(PLUGIN).then((handle) => {
		if (call !== mine) return handle.detach();
		mine.busy = handle;
		handle.addEventListener('message', ({ detail }) => detail.data.result?.event === 'incomingcall' && handle.message({ request: 'hangup' }));
		return register(handle, me.name + BUSY, 1);
	}).then(list).catch(() => {});
	return mine;
}

function setUp(mine) {
	const { pc } = mine.peer;
	const remote = new MediaStream();
	$('remote').srcObject = remote;
	$('own').srcObject = devices.stream;
	pc.ontrack = ({ track }) => {
		if (track.kind === 'audio') { mine.sound = playSound(track, devices); return; }
		remote.addTrack(track);
		play($('remote'));
	};
	mine.channel = pc.createDataChannel('JanusDataChannel');
	mine.channel.onopen = () => { for (const id of ['text', 'send']) $(id).disabled = false; tellMuted(); };
	mine.channel.onmessage = ({ data }) => heard(mine, JSON.parse(data));
	mine.peer.addEventListener('state', ({ detail }) => {
		if (call !== mine) return;
		if (detail === 'connected') state(TEXTS.talking(mine.name), 'up');
		if (detail === 'disconnected') state(TEXTS.restarting, 'wait');
	});
}

function talking() {
	if (!call) return;
	clearTimeout(call.timer);
	call.isUp = true;
	view('talk');
	$('hangup').focus();
}

/** Ends it here and there. */
function stop(text) {
	me?.handle.message({ request: 'hangup' }).catch(() => {});
	ended(text);
}

function hungUp(name, reason) {
	if (!call) return;
	if (call.isUp) ended(TEXTS.callEnded);
	else if (call.isRinging) ended(TEXTS.missed(call.name));
	else ended(/busy/i.test(reason) ? TEXTS.isBusy(call.name) : TEXTS.rejected(call.name));
}

function ended(text) {
	const ending = call;
	if (!ending) return;
	call = null;
	// What the plugin says of this call until then would be taken for the next one's.
	if (me) me.down = Promise.race([takenDown(me.handle), sleep(DOWN_MS)]);
	quiet(ending);
	clearTimeout(ending.timer);
	ending.peer?.close();
	ending.shared?.stop();
	ending.busy?.detach().then(() => me && list());
	devices.stop();
	for (const id of ['audio', 'video', 'screen']) press($(id), false);
	for (const id of ['text', 'send']) $(id).disabled = true;
	$('remote').srcObject = null;
	$('muted').textContent = '';
	view();
	state(text, 'down');
}

/** The core says so, and the plugin, in either order. */
function takenDown(handle) {
	const heard = (type, isIt) => new Promise((resolve) => handle.addEventListener(type, (event) => isIt(event.detail) && resolve()));
	return Promise.all([heard('hangup', () => true), heard('message', ({ data }) => data.result?.event === 'hangup')]);
}

function quiet(mine) {
	clearInterval(mine.bell);
	mine.note?.close();
	mine.isRinging = false;
	document.title = title;
	if ($('ring').open) $('ring').close();
}

// ---- During a call

function heard(mine, { chat, muted }) {
	if (chat !== undefined) write(mine.name, chat);
	if (muted !== undefined) $('muted').textContent = muted ? TEXTS.peerMuted(mine.name) : '';
}

function write(who, text) {
	$('chat').append(make('li', { textContent: `${who}: ${text}` }));
	$('chat').lastChild.scrollIntoView({ block: 'nearest' });
}

function tell(what) {
	if (call?.channel?.readyState === 'open') call.channel.send(JSON.stringify(what));
}

function tellMuted() {
	tell({ muted: $('audio').getAttribute('aria-pressed') === 'true' });
}

/** The screen takes the camera's place: nothing has to be negotiated. */
async function share() {
	const mine = call;
	const sender = mine.peer.pc.getTransceivers().find((one) => one.receiver.track.kind === 'video').sender;
	const end = () => {
		mine.shared?.stop();
		mine.shared = null;
		press($('screen'), false);
		if (call === mine) sender.replaceTrack(devices.stream.getVideoTracks()[0] ?? null);
	};
	if (mine.shared) return end();
	const track = await screenTrack();
	if (!track || call !== mine) return track?.stop();
	mine.shared = track;
	track.onended = end;
	press($('screen'), true);
	await sender.replaceTrack(track);
}

function tone() {
	const context = sound();
	const volume = new GainNode(context, { gain: 0.1 });
	volume.connect(context.destination);
	for (const [number, frequency] of [660, 880].entries()) {
		const voice = new OscillatorNode(context, { frequency });
		voice.connect(volume);
		voice.start(context.currentTime + number * 0.25);
		voice.stop(context.currentTime + number * 0.25 + 0.2);
	}
}

/** The own picture goes where it is dragged, or where arrow keys move it. */
function movable(element) {
	const at = { x: 0, y: 0 };
	const by = (x, y) => {
		at.x += x;
		at.y += y;
		element.style.translate = `${at.x}px ${at.y}px`;
	};
	element.onpointerdown = (event) => element.setPointerCapture(event.pointerId);
	element.onpointermove = (event) => element.hasPointerCapture(event.pointerId) && by(event.movementX, event.movementY);
	element.onkeydown = ({ key }) => {
		const [x, y] = { ArrowLeft: [-16, 0], ArrowRight: [16, 0], ArrowUp: [0, -16], ArrowDown: [0, 16] }[key] ?? [0, 0];
		by(x, y);
	};
}

function view(which) {
	show($('join'), !me);
	show($('contacts'), me && which !== 'talk');
	show($('calling'), which === 'calling');
	show($('talk'), which === 'talk');
	show($('check'), which !== 'talk');
	show($('notify'), window.Notification?.permission === 'default');
	if (me && !which) state(TEXTS.online(me.name), 'up');
	for (const button of $('people').querySelectorAll('button')) button.disabled = Boolean(call);
}

$('form').onsubmit = (event) => { event.preventDefault(); sound(); goOnline($('name').value.trim()); };
$('leave').onclick = () => { sessionStorage.removeItem('online'); if (call) stop(''); offline(); state(''); };
$('notify').onclick = () => Notification.requestPermission().then(() => view());
$('cancel').onclick = () => stop(TEXTS.cancelled);
$('accept').onclick = () => accept(true);
$('accept-sound').onclick = () => accept(false);
$('reject').onclick = () => stop(TEXTS.callEnded);
$('ring').oncancel = (event) => { event.preventDefault(); stop(TEXTS.callEnded); };
$('hangup').onclick = () => stop(TEXTS.callEnded);
$('screen').onclick = share;
$('say').onsubmit = (event) => {
	event.preventDefault();
	if (!$('text').value) return;
	tell({ chat: $('text').value });
	write(TEXTS.you, $('text').value);
	$('text').value = '';
};
devices.addEventListener('change', async () => {
	mute.apply();
	for (const transceiver of call?.peer?.pc.getTransceivers() ?? []) {
		const track = devices.stream.getTracks().find(({ kind }) => kind === transceiver.receiver.track.kind);
		if (!(call.shared && transceiver.receiver.track.kind === 'video')) await transceiver.sender.replaceTrack(track ?? null);
	}
	if (call?.sound) devices.hear(call.sound);
});
keys({ m: () => call?.isUp && mute.audio(), v: () => call?.isUp && mute.video(), Escape: () => call?.isUp && stop(TEXTS.callEnded) });
movable($('own'));
show($('screen'), Boolean(navigator.mediaDevices?.getDisplayMedia));
$('name').value = kept.get('name') ?? '';
addEventListener('pagehide', () => me?.janus.close());
if (sessionStorage.getItem('online')) goOnline(sessionStorage.getItem('online'), true);
