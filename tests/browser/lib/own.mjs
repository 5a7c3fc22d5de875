// Our own pages: from the server's own web server; beside the reference, from files.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css', js: 'text/javascript', mjs: 'text/javascript' };
const FOLDER = new URL('../../../demos/pages/', import.meta.url);

/** `url` is the start page; `page(name, parameters)` the address of one that talks to this server. */
export async function servePages(server) {
	const web = server.isReference ? await serveFiles() : null;
	const url = web ? `http://localhost:${web.address().port}/` : server.web;
	return {
		url,
		page: (name, parameters = {}, hash = '') => `${url}${name}?${new URLSearchParams({ server: server.ws, ...parameters })}${hash}`,
		close: () => web?.close(),
	};
}

/** The mirror page. */
export async function servePage(server) {
	const pages = await servePages(server);
	return { url: `${pages.url}mirror/`, close: pages.close };
}

async function serveFiles() {
	const web = createServer(async (request, response) => {
		let name = new URL(request.url, 'http://localhost').pathname.slice(1);
		if (!name || name.endsWith('/')) name += 'index.html';
		// The rest of a path is the page's own.
		else if (!name.includes('.')) name = `${name.split('/')[0]}/index.html`;
		try {
			const content = await readFile(new URL(name, FOLDER));
			response.setHeader('Content-Type', TYPES[name.split('.').at(-1)] ?? 'application/octet-stream');
			response.end(content);
		} catch {
			response.statusCode = 404;
			response.end();
		}
	});
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve));
	return web;
}
