// Photos in the camera's own size, with a filter. Nothing is sent: there is no server in this page.

import { $, Devices, keys, make, show, state } from '../page.mjs';
import { TEXTS } from '../texts.mjs';

const ENOUGH = { width: { ideal: 4096 }, height: { ideal: 2160 } };
const reduced = matchMedia('(prefers-reduced-motion: reduce)');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const devices = new Devices($('devices'), { video: ENOUGH, kinds: ['camera'] });
const camera = $('live');
let taking = false, taken = 0, facing = 'user';

/** The camera's picture with filter and mirror, in its own size. */
function draw(canvas) {
	const { videoWidth: width, videoHeight: height } = camera;
	if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
	const context = canvas.getContext('2d');
	context.setTransform($('mirrored').checked ? -1 : 1, 0, 0, 1, $('mirrored').checked ? width : 0, 0);
	context.filter = filter(width / camera.clientWidth);
	context.drawImage(camera, 0, 0);
	return canvas;
}

/** Lengths are those of the screen; a photo has more pixels. */
const filter = (scale) => $('filter').value.replace(/(\d+)px/, (_, pixels) => `${pixels * scale}px`);

/** What is seen before a photo is taken. */
function live() {
	const is = devices.stream.getVideoTracks().length > 0;
	if (is && camera.srcObject !== devices.stream) camera.srcObject = devices.stream;
	show($('stage'), is);
	show(devices.preview, !is);
	camera.style.filter = filter(1);
	camera.classList.toggle('mirrored', $('mirrored').checked);
	for (const id of ['shoot', 'strip', 'turn']) $(id).disabled = !is || !camera.videoWidth || taking;
}

async function countdown() {
	for (let left = $('countdown').checked ? 3 : 0; left > 0; left--) {
		$('count').textContent = left;
		await pause(800);
	}
	$('count').textContent = '';
	if (!reduced.matches) {
		$('flash').classList.remove('on');
		void $('flash').offsetWidth; // begins the animation anew
		$('flash').classList.add('on');
	}
	return draw(make('canvas'));
}

async function take(what) {
	if (taking || $('shoot').disabled) return;
	taking = true;
	live();
	try {
		await add(await what());
		state(TEXTS.snapped, 'up');
	} finally {
		taking = false;
		live();
	}
}

async function strip() {
	const pictures = [];
	while (pictures.length < 4) pictures.push(await countdown());
	const [{ width, height }] = pictures;
	const edge = Math.round(width / 20);
	const canvas = make('canvas', { width: width + 2 * edge, height: 4 * (height + edge) + edge });
	const context = canvas.getContext('2d');
	context.fillStyle = '#fff';
	context.fillRect(0, 0, canvas.width, canvas.height);
	pictures.forEach((picture, number) => context.drawImage(picture, edge, edge + number * (height + edge)));
	return canvas;
}

function fileName(type) {
	const now = new Date();
	const local = new Date(now - now.getTimezoneOffset() * 60000).toISOString();
	return `photo-${local.slice(0, 19).replace('T', '-').replaceAll(':', '')}-${taken}.${type.split('/')[1].replace('jpeg', 'jpg')}`;
}

async function add(canvas) {
	const blob = await new Promise((resolve) => canvas.toBlob(resolve, $('format').value, 0.92));
	taken += 1;
	const file = new File([blob], fileName(blob.type), { type: blob.type });
	const url = URL.createObjectURL(file);
	const name = TEXTS.photo(taken, canvas.width, canvas.height);
	const buttons = make('div', { className: 'row tight' }, make('a', { href: url, download: file.name, textContent: TEXTS.save, 'aria-label': `${TEXTS.save}: ${name}` }));
	const button = (text, onclick) => buttons.append(make('button', { textContent: text, onclick, 'aria-label': `${text}: ${name}` }));
	if (window.ClipboardItem && navigator.clipboard?.write) button(TEXTS.copy, () => copy(canvas));
	if (navigator.canShare?.({ files: [file] })) button(TEXTS.shareIt, () => navigator.share({ files: [file] }).catch(() => {}));
	const item = make('li', { className: 'card' }, make('img', { src: url, alt: name }), buttons);
	button(TEXTS.remove, () => { URL.revokeObjectURL(url); item.remove(); });
	$('photos').prepend(item);
}

/** Clipboards take PNG only. */
async function copy(canvas) {
	const png = new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
	try {
		await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
		state(TEXTS.copied, 'up');
	} catch (error) {
		state(error.message, 'down');
	}
}

/** Front and back camera of a phone. */
async function turn() {
	facing = facing === 'user' ? 'environment' : 'user';
	$('mirrored').checked = facing === 'user';
	await devices.face(facing);
	live();
}

devices.addEventListener('change', live);
camera.onresize = live;
for (const id of ['filter', 'mirrored']) $(id).onchange = live;
$('shoot').onclick = () => take(countdown);
$('strip').onclick = () => take(strip);
$('turn').onclick = turn;
keys({ ' ': () => take(countdown), Enter: () => take(countdown) });
live();
