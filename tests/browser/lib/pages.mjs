// Serves the distribution's unmodified demo pages; only their settings are ours.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const FOLDER = '/usr/share/janus/demos';
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.png': 'image/png' };

/** `server` is the address that the pages talk to. Gives {url, close}. */
export async function serveDemos(server) {
	const settings = `var server = ${JSON.stringify(server)}; var iceServers = []; var token = ''; var apisecret = '';\n`;
	const web = createServer(async (request, response) => {
		const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
		try {
			const own = await readFile(path.join(FOLDER, path.normalize(name)));
			response.setHeader('Content-Type', TYPES[path.extname(name)] ?? 'application/octet-stream');
			response.end(name === '/settings.js' ? settings : own);
		} catch {
			response.statusCode = 404;
			response.end();
		}
	});
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve));
	return { url: `http://localhost:${web.address().port}`, close: () => web.close() };
}
