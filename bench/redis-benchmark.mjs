import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
// The testing kit may have unpacked the server; its libraries are then where only the kit looks for them.
import { unpackedEnvironment } from '../dist/testing/debian-packages.js';

const run = promisify(execFile);

/** Requests a second, by the program that comes with Redis: of the server itself, with next to nothing around it. Undefined if there is none. */
export async function redisBenchmark(redis, args) {
  const program = await find(redis);
  if (!program) return undefined;
  const { stdout } = await run(program.path, ['-p', String(redis.port), '--csv', ...args], { env: program.env });
  // the name of the test, in which the command is repeated, comes before it
  const perSecond = /","([\d.]+)"/.exec(stdout.trim().split('\n').at(-1))?.[1];
  if (perSecond === undefined) throw new Error(`${program.path} has answered: ${stdout}`);
  return Number(perSecond);
}

/** The one beside the server, or on PATH. */
async function find(redis) {
  const server = /^executable:(.+?)\r?$/m.exec(String(await redis.command('INFO', 'server')))?.[1] ?? '';
  const root = join(dirname(server), '../..');
  const env = root === '/' ? process.env : await unpackedEnvironment(root);
  for (const folder of [dirname(server), '']) {
    for (const name of ['redis-benchmark', 'valkey-benchmark']) {
      const program = { path: join(folder, name), env };
      if (await run(program.path, ['--version'], { env }).catch(() => undefined)) return program;
    }
  }
  return undefined;
}
