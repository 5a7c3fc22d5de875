// The status page of janus-rs: asks for /status.json every two seconds and shows what it says. Rates are made here, from the
// counters of two answers.
const PERIOD = 2000;
const POINTS = 60;

const byId = id => document.getElementById(id);
const history = new Map();
let before = null;

function element(name, text, attributes = {}) {
	const made = document.createElement(name);
	if (text !== undefined) made.textContent = text;
	for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
	return made;
}

// The latest values of one figure, as a line.
function sparkline(key, value) {
	const values = history.get(key) ?? [];
	values.push(value);
	if (values.length > POINTS) values.shift();
	history.set(key, values);
	const most = Math.max(...values, 1e-9);
	const points = values.map((v, i) => `${(i + POINTS - values.length).toFixed(1)},${(20 - v / most * 19).toFixed(1)}`);
	const namespace = 'http://www.w3.org/2000/svg';
	const svg = document.createElementNS(namespace, 'svg');
	svg.setAttribute('viewBox', `0 0 ${POINTS - 1} 20`);
	svg.setAttribute('preserveAspectRatio', 'none');
	svg.setAttribute('role', 'img');
	svg.setAttribute('aria-label', `${key}: ${values.length} values, the last is ${value.toFixed(1)}`);
	const line = document.createElementNS(namespace, 'polyline');
	line.setAttribute('points', points.join(' '));
	svg.append(line);
	return svg;
}

function table(target, heads, rows) {
	if (rows.length === 0) {
		target.replaceChildren(element('caption', 'none', { class: 'none' }));
		return;
	}
	const head = element('tr');
	head.append(...heads.map(text => element('th', text, { scope: 'col' })));
	target.replaceChildren(head, ...rows.map(cells => {
		const row = element('tr');
		row.append(...cells.map(cell => {
			const data = element('td');
			data.append(cell ?? '');
			return data;
		}));
		return row;
	}));
}

const number = value => value.toLocaleString('en');
const kilobits = value => `${number(Math.round(value))} kbit/s`;

function rate(now, then, seconds) {
	return then === undefined || seconds <= 0 ? 0 : Math.max(now - then, 0) / seconds;
}

function withText(svg, text) {
	const both = element('span');
	both.append(svg, ` ${text}`);
	return both;
}

function show(status, at) {
	const seconds = before ? (at - before.at) / 1000 : 0;
	byId('name').textContent = `${status.name} (janus-rs ${status.version})`;
	document.title = `${status.name}: status`;
	const state = byId('state');
	state.textContent = status.accepting ? 'serving' : 'draining';
	state.className = status.accepting ? 'up' : 'down';
	byId('totals').replaceChildren(...[
		['sessions', status.sessions], ['PeerConnections', status.peerconnections],
		['requests waiting', status.requests_waiting], ['events waiting', status.events_waiting],
		['events dropped', status.events_dropped],
	].map(([name, value]) => {
		const pair = element('div');
		pair.append(element('dt', name), element('dd', number(value)));
		return pair;
	}));
	table(byId('workers'), ['Worker', 'PeerConnections', 'Busy', 'Datagrams in', 'Datagrams out', 'Not sent'],
		status.workers.map((worker, index) => {
			const then = before?.status.workers[index];
			const busy = rate(worker.busy_ms, then?.busy_ms, seconds) / 10;
			const received = rate(worker.received, then?.received, seconds);
			const sent = rate(worker.sent, then?.sent, seconds);
			return [`${index}`, number(worker.peerconnections),
				withText(sparkline(`busy of worker ${index}`, busy), `${busy.toFixed(1)} %`),
				withText(sparkline(`received by worker ${index}`, received), `${number(Math.round(received))}/s`),
				withText(sparkline(`sent by worker ${index}`, sent), `${number(Math.round(sent))}/s`),
				number(worker.dropped)];
		}));
	const known = new Map();
	for (const group of before?.status.plugins ?? []) {
		for (const handle of group.handles) known.set(handle.handle, handle.figures);
	}
	const calls = [];
	for (const group of status.plugins) {
		calls.push(element('h3', group.room ? `${group.plugin}, room ${group.room}` : group.plugin));
		const handles = element('table');
		table(handles, ['Handle', 'State', 'From the client', 'To the client', 'Round trip', 'Lost'],
			group.handles.map(handle => {
				const { figures } = handle;
				const name = handle.opaque_id ? `${handle.handle} ${handle.opaque_id}` : handle.handle;
				if (!figures) return [name, handle.state];
				const then = known.get(handle.handle);
				const into = rate(figures.bytes_in, then?.bytes_in, seconds) * 8 / 1000;
				const out = rate(figures.bytes_out, then?.bytes_out, seconds) * 8 / 1000;
				return [name, handle.state,
					withText(sparkline(`from ${handle.handle}`, into), kilobits(into)),
					withText(sparkline(`to ${handle.handle}`, out), kilobits(out)),
					withText(sparkline(`round trip of ${handle.handle}`, figures.rtt_ms), `${figures.rtt_ms} ms`),
					number(figures.lost)];
			}));
		calls.push(handles);
	}
	if (status.handles_not_shown > 0) calls.push(element('p', `and ${number(status.handles_not_shown)} more handles`));
	if (calls.length === 0) calls.push(element('p', 'none', { class: 'none' }));
	byId('calls').replaceChildren(...calls);
	table(byId('stalls'), ['Plugin', 'Callback', 'Stalls', 'Now', 'Longest'],
		status.stalls.map(s => [s.plugin, s.callback, number(s.stalls), number(s.stalled), `${number(s.longest_ms)} ms`]));
	table(byId('modules'), ['Kind', 'Package', 'Version', 'File', 'Generation'],
		status.modules.map(m => [m.kind, m.package, m.version, m.file, m.generation]));
	const log = byId('log');
	const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
	log.textContent = status.log.lines.join('\n');
	if (atEnd) log.scrollTop = log.scrollHeight;
	before = { status, at };
}

async function ask() {
	try {
		const answer = await fetch('status.json', { cache: 'no-store' });
		if (!answer.ok) throw new Error(`${answer.status}`);
		show(await answer.json(), performance.now());
	} catch (error) {
		byId('state').textContent = `no answer (${error.message})`;
		byId('state').className = 'down';
	}
	setTimeout(ask, PERIOD);
}

ask();
