// The mirror page: from the server's own web server; beside the reference, from files.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

export async function servePage(server) {
	if (!server.isReference) return { url: server.web, close() {} };
	const folder = new URL('../../../demos/mirror/', import.meta.url);
	const web = createServer(async (request, response) => {
		const name = request.url === '/' || request.url.startsWith('/?') ? 'index.html' : request.url.slice(1);
		try {
			response.setHeader('Content-Type', name.endsWith('js') ? 'text/javascript' : name.endsWith('css') ? 'text/css' : 'text/html');
			response.end(await readFile(new URL(name, folder)));
		} catch {
			response.statusCode = 404;
			response.end();
		}
	});
	await new Promise((resolve) => web.listen(0, '127.0.0.1', resolve));
	return { url: `http://localhost:${web.address().port}/`, close: () => web.close() };
}
