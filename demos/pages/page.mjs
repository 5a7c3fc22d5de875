// What the pages share besides Janus: devices and their check, level meters, the panel with figures, keys.

import { TEXTS } from './texts.mjs';

export const $ = (id) => document.getElementById(id);

/** `make('button', { textContent: 'Go', onclick }, ...children)`; names with a dash are attributes. */
export function make(name, properties = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (key.includes('-')) element.setAttribute(key, value);
		else element[key] = value;
	}
	element.append(...children);
	return element;
}

/** The page's state, read out by screen readers. `look`: `up`, `wait`, `down` or nothing. */
export function state(text, look = '') {
	$('state').textContent = text;
	$('state').className = `state ${look}`;
}

export const show = (element, visible) => { element.hidden = !visible; };

export function press(button, pressed) {
	button.setAttribute('aria-pressed', String(pressed));
}

export const isPressed = (button) => button.getAttribute('aria-pressed') === 'true';

/** What is kept in this browser; a browser that keeps nothing is no fault. */
export const kept = {
	get(name) { try { return JSON.parse(localStorage.getItem(`janus-rs.${name}`)); } catch { return null; } },
	set(name, value) { try { localStorage.setItem(`janus-rs.${name}`, JSON.stringify(value)); } catch { /* private window */ } },
};

/** Keys without modifiers, while nothing is being typed; space and enter stay those of a focused control. */
export function keys(actions) {
	addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
		const within = event.target;
		if (within.matches?.('input:not([type=checkbox], [type=range]), textarea, select')) return;
		if ((event.key === ' ' || event.key === 'Enter') && within.closest?.('button, a, summary, input')) return;
		const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
		if (action) { event.preventDefault(); action(); }
	});
}

/** Plays it; where the browser wants a click first, one button for everything that waits. */
export async function play(media) {
	try {
		await media.play();
	} catch (error) {
		if (error.name !== 'NotAllowedError') return;
		let button = $('hear');
		if (!button) {
			button = make('button', { id: 'hear', className: 'primary', textContent: TEXTS.hear });
			$('state').after(button);
		}
		button.addEventListener('click', () => { media.play(); button.remove(); });
	}
}

/** Sound has an element of its own, or it would wait for a picture that may never come. */
export function playSound(track, devices) {
	const media = make('audio', { srcObject: new MediaStream([track]) });
	devices.hear(media);
	play(media);
	return media;
}

/** Says what goes on with the session; `again` begins anew when it is lost. */
export function follow(janus, again) {
	janus.addEventListener('state', ({ detail }) => {
		if (detail === 'reconnecting') state(TEXTS.reconnecting, 'wait');
		if (detail === 'connected') state(TEXTS.back, 'up');
		if (detail === 'lost') { state(TEXTS.lost, 'wait'); again(); }
	});
}

// ---- Devices

const KINDS = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' };

function faultText(error, what) {
	if (!navigator.mediaDevices) return TEXTS.insecure;
	switch (error.name) {
		case 'NotAllowedError': case 'SecurityError': return TEXTS.denied;
		case 'NotFoundError': case 'OverconstrainedError': return TEXTS.missing(what);
		case 'NotReadableError': case 'AbortError': return TEXTS.busy(what);
		default: return TEXTS.otherFault(what, error.message);
	}
}

/**
 * Camera and microphone: asked for after a click, chosen from lists, remembered, shown with picture and level.
 * `stream` has a track of each that works and is wanted. Event `change`: there are others now, or one is gone.
 */
export class Devices extends EventTarget {
	stream = new MediaStream();
	#video;
	#choice = { camera: '', microphone: '', speaker: '', ...kept.get('devices') };
	#lists = {};
	#problem = make('p', { className: 'problem', hidden: true, role: 'alert' });

	/** `video`: constraints of the camera. */
	constructor(container, { video = { width: { ideal: 1280 }, height: { ideal: 720 } }, kinds = ['camera', 'microphone', 'speaker'] } = {}) {
		super();
		this.#video = video;
		this.preview = make('video', { muted: true, playsInline: true, autoplay: true, className: 'mirrored', 'aria-label': TEXTS.preview });
		this.button = make('button', { textContent: TEXTS.check, onclick: () => this.open() });
		const fields = make('div', { className: 'fields' }, this.button);
		for (const kind of kinds) {
			const list = make('select', { disabled: true, onchange: () => this.#choose(kind, list.value) });
			this.#lists[kind] = list;
			fields.append(make('label', { hidden: true }, make('span', { textContent: TEXTS[kind] }), list));
		}
		if (kinds.includes('microphone')) {
			this.meter = make('meter', { min: 0, max: 1, 'aria-label': TEXTS.level });
			fields.append(this.meter);
		}
		fields.append(this.#problem);
		container.append(make('div', { className: 'check' }, this.preview, fields));
		navigator.mediaDevices?.addEventListener('devicechange', () => this.#list());
		addEventListener('pagehide', () => this.stop());
	}

	/** Asks for what is wanted. What cannot be had is said, and left out. */
	async open() {
		show(this.#problem, false);
		const wanted = ['camera', 'microphone'].filter((kind) => this.#lists[kind] && this.#choice[kind] !== 'none' && !this.#track(kind));
		try {
			if (wanted.length) this.#take(await this.#ask(wanted));
		} catch (error) {
			// Perhaps one of the two is there.
			for (const kind of wanted) await this.#open(kind, wanted.length > 1 && error.name !== 'NotAllowedError' ? null : error);
		}
		await this.#list();
		this.#listen();
		this.dispatchEvent(new Event('change'));
		return this.stream;
	}

	/** The camera on the front (`user`) or on the back (`environment`). */
	face(facingMode) {
		this.stop();
		this.#choice.camera = '';
		this.#video = { ...this.#video, facingMode };
		return this.open();
	}

	stop() {
		for (const track of this.stream.getTracks()) { track.stop(); this.stream.removeTrack(track); }
		this.preview.srcObject = null;
	}

	/** Sound goes to the chosen speaker. */
	hear(media) {
		if (this.#choice.speaker) media.setSinkId?.(this.#choice.speaker).catch(() => {});
	}

	#track(kind) {
		return kind === 'camera' ? this.stream.getVideoTracks()[0] : this.stream.getAudioTracks()[0];
	}

	#ask(kinds) {
		if (!navigator.mediaDevices) throw new Error(TEXTS.insecure);
		const chosen = (kind) => (this.#choice[kind] ? { deviceId: { ideal: this.#choice[kind] } } : {});
		return navigator.mediaDevices.getUserMedia({
			video: kinds.includes('camera') && { ...this.#video, ...chosen('camera') },
			audio: kinds.includes('microphone') && { echoCancellation: true, noiseSuppression: true, ...chosen('microphone') },
		});
	}

	async #open(kind, failed) {
		try {
			if (failed) throw failed;
			this.#take(await this.#ask([kind]));
		} catch (error) {
			this.#say(faultText(error, TEXTS[kind]));
		}
	}

	#take(stream) {
		for (const track of stream.getTracks()) {
			this.stream.addTrack(track);
			track.addEventListener('ended', () => {
				this.stream.removeTrack(track);
				this.#say(TEXTS.unplugged(track.kind === 'video' ? TEXTS.camera : TEXTS.microphone));
				this.dispatchEvent(new Event('change'));
			});
		}
		this.preview.srcObject = this.stream;
	}

	async #choose(kind, id) {
		this.#choice[kind] = id;
		kept.set('devices', this.#choice);
		if (kind === 'speaker') return this.dispatchEvent(new Event('change'));
		const old = this.#track(kind);
		if (old) { old.stop(); this.stream.removeTrack(old); }
		if (id !== 'none') await this.#open(kind);
		this.#listen();
		this.dispatchEvent(new Event('change'));
	}

	async #list() {
		const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
		for (const [kind, list] of Object.entries(this.#lists)) {
			const found = devices.filter((device) => device.kind === KINDS[kind] && device.deviceId);
			const options = found.map(({ deviceId, label }, number) => new Option(label || TEXTS.unnamed(TEXTS[kind], number + 1), deviceId));
			if (kind === 'camera') options.push(new Option(TEXTS.noCamera, 'none'));
			if (kind === 'microphone') options.push(new Option(TEXTS.noMicrophone, 'none'));
			list.replaceChildren(...options);
			list.disabled = options.length === 0;
			list.closest('label').hidden = options.length === 0;
			const track = kind !== 'speaker' && this.#track(kind);
			list.value = track ? track.getSettings().deviceId : this.#choice[kind] || (kind === 'speaker' ? 'default' : 'none');
			if (list.selectedIndex < 0) list.selectedIndex = 0;
		}
		show(this.button, !this.stream.getTracks().length);
	}

	#listen() {
		this.meterStop?.();
		if (this.meter && this.#track('microphone')) this.meterStop = level(this.#track('microphone'), (loud) => { this.meter.value = loud; });
	}

	#say(text) {
		this.#problem.textContent = text;
		show(this.#problem, true);
	}
}

// ---- Sound

let audio;

/** One AudioContext for the page; browsers start it after a click. */
export function sound() {
	audio ??= new AudioContext();
	if (audio.state === 'suspended') audio.resume().catch(() => {});
	return audio;
}

/** Ten times a second: `told(loudness of 0 to 1, spectrum as bytes)`. Gives a function that ends it. */
export function level(track, told) {
	const context = sound();
	const source = context.createMediaStreamSource(new MediaStream([track]));
	const analyser = new AnalyserNode(context, { fftSize: 256, smoothingTimeConstant: 0.6 });
	source.connect(analyser);
	const wave = new Float32Array(analyser.fftSize);
	const spectrum = new Uint8Array(analyser.frequencyBinCount);
	const timer = setInterval(() => {
		analyser.getFloatTimeDomainData(wave);
		analyser.getByteFrequencyData(spectrum);
		const power = wave.reduce((sum, x) => sum + x * x, 0) / wave.length;
		// -60 dB is 0, full scale is 1.
		told(Math.max(0, Math.min(1, 1 + Math.log10(power + 1e-12) / 6)), spectrum);
	}, 100);
	return () => { clearInterval(timer); source.disconnect(); };
}

// ---- Figures

const rate = (now, was = 0, ms = 0) => (ms ? `${Math.round(((now - was) * 8) / ms)} kbit/s` : '–');

/** A row per stream, of what getStats says now and what it said before. */
function rows(stats, before) {
	const table = [];
	for (const one of stats.values()) {
		const codec = stats.get(one.codecId)?.mimeType?.split('/')[1] ?? '';
		const was = before?.get(one.id);
		const elapsed = was ? one.timestamp - was.timestamp : 0;
		const size = one.frameWidth ? `${one.frameWidth} × ${one.frameHeight}, ${Math.round(one.framesPerSecond ?? 0)} fps` : '';
		if (one.type === 'outbound-rtp') {
			table.push([`↑ ${one.kind} ${one.rid ?? ''}`, codec, size, rate(one.bytesSent, was?.bytesSent, elapsed), `${one.retransmittedPacketsSent ?? 0} sent again`]);
		} else if (one.type === 'inbound-rtp') {
			table.push([`↓ ${one.kind} ${one.mid ?? ''}`, codec, size, rate(one.bytesReceived, was?.bytesReceived, elapsed), `${one.packetsLost ?? 0} lost`]);
		} else if (one.type === 'data-channel') {
			table.push([`⇅ ${one.label}`, 'data', one.state, `${one.messagesSent} sent`, `${one.messagesReceived} received`]);
		} else if (one.type === 'candidate-pair' && one.nominated && one.state === 'succeeded') {
			const [near, far] = [stats.get(one.localCandidateId), stats.get(one.remoteCandidateId)];
			const at = (candidate) => `${candidate?.candidateType} ${candidate?.protocol} ${candidate?.port}`;
			table.push(['path', at(near), at(far), one.currentRoundTripTime === undefined ? '' : `${Math.round(one.currentRoundTripTime * 1000)} ms`, '']);
		}
	}
	return table;
}

/** A panel that shows, while it is open, the figures of the Peers that `peers()` gives: { name: Peer }. */
export function panel(peers) {
	const table = make('tbody');
	const said = make('output');
	const raw = make('textarea', { hidden: true, readOnly: true, rows: 8, 'aria-label': TEXTS.copyReport });
	const button = make('button', { id: 'report', textContent: TEXTS.copyReport });
	const details = make('details', { className: 'panel', id: 'panel' },
		make('summary', { textContent: TEXTS.figures }),
		make('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': TEXTS.figures }, make('table', {}, table)),
		make('p', { className: 'row' }, button, said), raw);
	document.querySelector('main').append(details);
	const before = new Map();
	setInterval(async () => {
		if (!details.open) return;
		const lines = [];
		for (const [name, peer] of Object.entries(peers())) {
			const stats = await peer.pc.getStats();
			lines.push(...rows(stats, before.get(peer)).map((cells) => [name, ...cells]));
			before.set(peer, stats);
		}
		table.replaceChildren(...lines.map((cells) => make('tr', {}, ...cells.map((textContent) => make('td', { textContent })))));
	}, 1000);
	button.onclick = async () => {
		const text = JSON.stringify(await report(peers()), null, '\t');
		try {
			await navigator.clipboard.writeText(text);
			said.textContent = TEXTS.copied;
		} catch {
			said.textContent = TEXTS.notCopied;
			raw.value = text;
			show(raw, true);
			raw.select();
		}
	};
}

/** For a bug report. Session and handle are the numbers that `handle_info` of the Admin API wants. */
async function report(peers) {
	const connections = {};
	for (const [name, { pc, handle, restarts = 0 }] of Object.entries(peers)) {
		connections[name] = {
			session: handle.janus.id, handle: handle.id, plugin: handle.plugin, server: handle.janus.url, restarts,
			state: pc.connectionState, ice: pc.iceConnectionState, signaling: pc.signalingState,
			local: pc.localDescription?.sdp, remote: pc.remoteDescription?.sdp, stats: [...(await pc.getStats()).values()],
		};
	}
	return {
		// Without what follows #: there may be a pin.
		page: location.origin + location.pathname, time: new Date().toISOString(), browser: navigator.userAgent,
		state: $('state').textContent, screen: `${innerWidth} × ${innerHeight} @ ${devicePixelRatio}`, connections,
	};
}

// ---- What calls have in common

/** Buttons `audio` and `video` mute the tracks of `stream()`; `told()` hears of it. */
export function muting(stream, told = () => {}) {
	const toggle = (kind) => () => {
		press($(kind), !isPressed($(kind)));
		apply();
		told();
	};
	const apply = () => {
		for (const track of stream()?.getTracks() ?? []) track.enabled = !isPressed($(track.kind));
	};
	for (const kind of ['audio', 'video']) $(kind).onclick = toggle(kind);
	return { apply, audio: () => !$('audio').disabled && toggle('audio')(), video: () => !$('video').disabled && toggle('video')() };
}

/** A track of the screen, or nothing when the user changed their mind. */
export async function screenTrack() {
	try {
		const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
		const [track] = stream.getVideoTracks();
		track.contentHint = 'detail';
		return track;
	} catch {
		return null;
	}
}
