// Starts the server under test on ports of its own, with a copy of the distribution's configuration.

import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../..');
const reference = process.env.JANUS_UNDER_TEST === 'janus';
const program = reference ? '/usr/bin/janus' : process.env.JANUS_RS ?? path.join(root, 'target/debug/janus-rs');

/** PAGES_ROOT=demos/pages: pages as they are in that folder now, without a build. */
const PAGES = process.env.PAGES_ROOT ? `root = "${path.resolve(root, process.env.PAGES_ROOT)}"` : '';

/** Only what the tests use; the others need services that are not there. */
const UNUSED_PLUGINS = ['audiobridge', 'duktape', 'lua', 'nosip', 'sip', 'voicemail'];
const UNUSED_TRANSPORTS = ['rabbitmq', 'mqtt', 'nanomsg', 'pfunix'];

const list = (names) => names.map((name) => `libjanus_${name}.so`).join(',');

let nextPort = process.pid * 89;
/** Suites that run beside each other have ports of their own (test.sh). */
const [FIRST_PORT, COUNT_OF_PORTS] = (process.env.TEST_PORTS ?? '12000 20000').split(' ').map(Number);

/**
 * A port that is free now, below those that the system gives to connections and sockets without a port of their own:
 * what it gives away between this probe and the server's own bind is none of these.
 */
export async function freePort() {
	const isFree = (port) => new Promise((resolve) => {
		const probe = createServer().listen(port, '0.0.0.0', () => probe.close(() => resolve(true)));
		probe.on('error', () => resolve(false));
	});
	for (let tries = 0; tries < COUNT_OF_PORTS; tries++) {
		const port = FIRST_PORT + nextPort++ % COUNT_OF_PORTS;
		if (await isFree(port)) return port;
	}
	throw new Error('no free port');
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `probe` gives something true; that is the result. */
export async function until(probe, what, limit = 60000) {
	for (const end = Date.now() + limit; Date.now() < end; await sleep(100)) {
		const value = await probe();
		if (value) return value;
	}
	throw new Error(`no ${what} after ${limit} ms`);
}

const answers = (port) => new Promise((resolve) => {
	const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
	socket.on('error', () => resolve(false));
});

export class Server {
	/** `builtin`: no transport module is loaded; the web server serves the APIs. `alone`: no module is. */
	static async start({ general = '', media = '', nat = '', plugins = '', files = {}, alone = false, builtin = alone } = {}) {
		const server = new Server();
		server.folder = await mkdtemp(path.join(tmpdir(), 'janus-test-'));
		await cp('/etc/janus', server.folder, { recursive: true });
		[server.wsPort, server.httpPort, server.adminPort, server.webPort] =
			await Promise.all([freePort(), freePort(), freePort(), freePort()]);
		if (builtin) server.wsPort = server.httpPort = server.webPort;
		if (alone) {
			await mkdir(path.join(server.folder, 'none'));
			general += ['plugins', 'transports', 'events'].map((kind) => ` ${kind}_folder = "${server.folder}/none";`).join('');
		}
		const write = (name, text) => writeFile(path.join(server.folder, name), text);
		await write('janus.jcfg', `general: { debug_level = 4; admin_secret = "janusoverlord"; ${general} }
media: { ${media} }
nat: { ${nat} }
plugins: { disable = "${list(UNUSED_PLUGINS)}"; ${plugins} }
transports: { disable = "${list([...UNUSED_TRANSPORTS, ...(builtin ? ['http', 'websockets'] : [])])}" }
`);
		await write('janus.transport.websockets.jcfg',
			`general: { json = "compact"; ws = true; ws_port = ${server.wsPort} }\nadmin: { admin_ws = false }\n`);
		await write('janus.transport.http.jcfg', `general: { json = "compact"; base_path = "/janus"; http = true; port = ${server.httpPort} }
admin: { admin_base_path = "/admin"; admin_http = true; admin_port = ${server.adminPort} }
`);
		await write('janus-rs.jcfg', `web: { enabled = true; ip = "127.0.0.1"; port = ${server.webPort}; ${builtin ? `admin_port = ${server.adminPort};` : ''} ${PAGES} }\n`);
		for (const [name, text] of Object.entries(files)) await write(name, text);
		server.output = '';
		server.process = spawn(program, ['-F', server.folder], { stdio: ['ignore', 'pipe', 'pipe'] });
		for (const stream of [server.process.stdout, server.process.stderr]) stream.on('data', (text) => { server.output += text; });
		server.exited = new Promise((resolve) => server.process.on('exit', (code, signal) => resolve({ code, signal })));
		server.exited.then((how) => { server.ended = how; });
		await until(async () => {
			if (server.ended) throw new Error(`the server ended: ${JSON.stringify(server.ended)}\n${server.output}`);
			return await answers(server.wsPort) && await answers(server.httpPort);
		}, 'server');
		if (reference) await sleep(700); // it may crash when it is asked while it loads
		return server;
	}

	get ws() { return `ws://127.0.0.1:${this.wsPort}/`; }
	get wsAdmin() { return `ws://127.0.0.1:${this.adminPort}/`; }
	get http() { return `http://127.0.0.1:${this.httpPort}/janus`; }
	get web() { return `http://localhost:${this.webPort}/`; }
	get isReference() { return reference; }

	/** One Admin API request; its reply. */
	async admin(request, at = '') {
		const body = { transaction: 't', admin_secret: 'janusoverlord', ...request };
		const reply = await fetch(`http://127.0.0.1:${this.adminPort}/admin${at}`, { method: 'POST', body: JSON.stringify(body) });
		return reply.json();
	}

	/** handle_info of every handle there is. */
	async handles() {
		const all = [];
		for (const session of (await this.admin({ janus: 'list_sessions' })).sessions ?? []) {
			for (const handle of (await this.admin({ janus: 'list_handles' }, `/${session}`)).handles ?? []) {
				// One that has gone meanwhile has none.
				const { info } = await this.admin({ janus: 'handle_info' }, `/${session}/${handle}`);
				if (info) all.push(info);
			}
		}
		return all;
	}

	/** UDP sockets of the process. */
	async udpSockets() {
		const open = new Set();
		for (const fd of await readdir(`/proc/${this.process.pid}/fd`)) {
			const target = await readlink(`/proc/${this.process.pid}/fd/${fd}`).catch(() => '');
			const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
			if (inode) open.add(inode);
		}
		let count = 0;
		for (const table of ['udp', 'udp6']) {
			const lines = (await readFile(`/proc/${this.process.pid}/net/${table}`, 'utf8')).split('\n').slice(1);
			count += lines.filter((line) => open.has(line.trim().split(/\s+/)[9])).length;
		}
		return count;
	}

	async stop() {
		if (!this.ended) this.process.kill('SIGTERM');
		const killer = setTimeout(() => this.process.kill('SIGKILL'), 10000);
		const how = await this.exited;
		clearTimeout(killer);
		await rm(this.folder, { recursive: true });
		return how;
	}
}
