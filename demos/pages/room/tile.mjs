// One picture of the room: name, level and spectrum, what can be done with it, and which layer fits it.

import { isPressed, level, make, play, playSound, press } from '../page.mjs';
import { TEXTS } from '../texts.mjs';

/** Heights in pixels of the screen from which the medium and the large layer are worth their bits. */
const MEDIUM = 240, LARGE = 480;
const BARS = 12;

export class Tile {
	loud = 0;
	#tracks = {};
	#asked;
	#isSeen = true;

	/** `mute(on)` and `kick()` only where the one who made the room looks at somebody. */
	constructor(list, { name, isOwn, isScreen, devices, mute, kick }) {
		Object.assign(this, { name, isOwn, isScreen, devices });
		this.video = make('video', { playsInline: true, muted: true, autoplay: true, className: isOwn && !isScreen ? 'mirrored' : '', 'aria-label': name });
		this.canvas = make('canvas', { width: 64, height: 24, 'aria-hidden': 'true' });
		this.signs = make('span', { className: 'signs' });
		this.letter = make('span', { className: 'letter', textContent: [...name][0], 'aria-hidden': 'true' });
		const pin = make('button', { textContent: '⤢', title: TEXTS.pinThem(name), 'aria-label': TEXTS.pinThem(name), 'aria-pressed': 'false' });
		pin.onclick = () => this.#pin(pin);
		const bar = make('div', { className: 'bar' }, make('span', { className: 'name', textContent: name }), this.signs, this.canvas, pin);
		if (mute) {
			const button = make('button', { textContent: TEXTS.mute, title: TEXTS.muteThem(name), 'aria-label': TEXTS.muteThem(name), 'aria-pressed': 'false' });
			button.onclick = () => { press(button, !isPressed(button)); mute(isPressed(button)); };
			bar.append(button);
		}
		if (kick) bar.append(make('button', { textContent: '✕', title: TEXTS.kickThem(name), 'aria-label': TEXTS.kickThem(name), onclick: kick }));
		this.element = make('li', { className: `tile ${isScreen ? 'screen' : ''}` }, this.letter, this.video, bar);
		// What somebody shows is for all to see, however many and large the others are: a tile that nobody sees gets nothing.
		if (isScreen && !isOwn) list.prepend(this.element);
		else list.append(this.element);
		this.observer = new IntersectionObserver(([entry]) => { this.#isSeen = entry.isIntersecting; });
		this.observer.observe(this.element);
	}

	take(track) {
		if (this.#tracks[track.kind] === track) return;
		this.#tracks[track.kind] = track;
		if (track.kind === 'video') {
			this.video.srcObject = new MediaStream([track]);
			play(this.video);
			return;
		}
		this.levelStop?.();
		this.levelStop = level(track, (loud, spectrum) => this.#draw(loud, spectrum));
		if (!this.isOwn) this.sound = playSound(track, this.devices);
	}

	/** What its person told. */
	status({ hand, muted, dark }) {
		this.signs.replaceChildren(
			...(hand ? [make('span', { className: 'sign', textContent: TEXTS.hand, role: 'img', 'aria-label': TEXTS.handRaised })] : []),
			...(muted ? [make('span', { className: 'sign', textContent: TEXTS.muted, role: 'img', 'aria-label': TEXTS.muted })] : []),
		);
		this.video.hidden = dark && !this.isScreen;
	}

	/** A change for `configure`, or nothing when all is as it was asked for. */
	wants(mid, isLayered) {
		const height = this.element.clientHeight * devicePixelRatio;
		const send = this.#isSeen && !document.hidden;
		const substream = height >= LARGE ? 2 : height >= MEDIUM ? 1 : 0;
		const asked = JSON.stringify([mid, send, isLayered && substream]);
		if (asked === this.#asked) return null;
		this.#asked = asked;
		return { mid, send, ...(isLayered && { substream, temporal: 2 }) };
	}

	speaking(is) {
		this.element.classList.toggle('speaking', is);
	}

	remove() {
		this.observer.disconnect();
		this.levelStop?.();
		if (this.sound) this.sound.srcObject = null;
		this.element.remove();
	}

	#pin(button) {
		const pinned = !isPressed(button);
		for (const other of document.querySelectorAll('.tile.pinned')) {
			other.classList.remove('pinned');
			press(other.querySelector('button'), false);
		}
		this.element.classList.toggle('pinned', pinned);
		press(button, pinned);
	}

	#draw(loud, spectrum) {
		this.loud = loud;
		const context = this.canvas.getContext('2d');
		const { width, height } = this.canvas;
		context.clearRect(0, 0, width, height);
		context.fillStyle = loud > 0.5 ? '#4ad07d' : '#9aa3b2';
		for (let bar = 0; bar < BARS; bar++) {
			// Voices are in the lower half of what the spectrum covers.
			const strength = spectrum[Math.floor((bar * spectrum.length) / BARS / 2)] / 255;
			context.fillRect((bar * width) / BARS, height * (1 - strength), width / BARS - 1, height * strength);
		}
	}
}
