// The sample plugin, which answers everything that is offered and sends everything back, in a folder of its own.

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

/** `general`: lines of janus.jcfg that load it, and nothing else; `remove()`: when the server has ended. */
export async function withSample() {
	const folder = await mkdtemp(path.join(tmpdir(), 'sample-test-'));
	const flags = execFileSync('pkg-config', ['--cflags', 'glib-2.0', 'jansson'], { encoding: 'utf8' }).trim().split(/\s+/);
	execFileSync('cc', ['-shared', '-fPIC', `-I${root}/include/janus`, ...flags, `${root}/c-plugins/echo_sample.c`,
		'-o', path.join(folder, 'libjanus_echo_sample.so')]);
	return { general: `plugins_folder = "${folder}";`, remove: () => rm(folder, { recursive: true }) };
}
