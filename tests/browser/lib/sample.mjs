// Programs of examples/embedding, compiled against the library of the last build.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../..');
export const examples = path.join(root, 'examples/embedding');
export const run = promisify(execFile);

export class Sample {
	/** Compiles NAME.c into `file` of a folder of its own; `flags`: more for the compiler. */
	static async compile(name, flags, file = name) {
		const sample = new Sample();
		sample.folder = await mkdtemp(path.join(tmpdir(), `${name}-`));
		sample.program = path.join(sample.folder, file);
		const library = path.join(root, 'target/debug/libjanus_rs.so');
		await symlink(library, path.join(sample.folder, 'libjanus_rs.so.0'));
		await run('cc', [
			'-Wall', '-Wextra', '-Werror', path.join(examples, `${name}.c`), `-I${root}/include`, '-o', sample.program, library,
			'-Wl,--allow-shlib-undefined', ...flags,
		]);
		return sample;
	}

	/** Runs it, or another program that loads it. */
	start(command, environment = {}) {
		this.process = spawn(command[0], command.slice(1), {
			env: { ...process.env, LD_LIBRARY_PATH: this.folder, ...environment },
		});
		this.output = '';
		this.ended = once(this.process, 'exit');
		for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (data) => { this.output += data; });
	}

	/** Its exit code, or the signal that has ended it. */
	async stop(signal = 'SIGTERM') {
		this.process?.kill(signal);
		const [code, by] = this.process ? await this.ended : [];
		await rm(this.folder, { recursive: true, force: true });
		return by ?? code;
	}
}
