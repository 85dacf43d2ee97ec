import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchSettings, RedisInstance, RedisProgram } from './program.js';
import { run } from './run.js';
import { Watchdog } from './watchdog.js';

const READY_TIMEOUT_MS = 30_000;
const GRACE_MS = 5_000;
const LOG_CHARACTERS = 4_000;

/** The program at `path`; rejects if it does not run. `origin` tells where it comes from. */
export async function localProgram(path: string, origin: string, env = process.env): Promise<RedisProgram> {
  const version = /v=(\S+)/.exec(await run(path, ['--version'], { env, timeout: 10_000 }))?.[1];
  if (version === undefined) {
    throw new Error(`${path} --version does not answer as redis-server or valkey-server does.`);
  }
  return {
    source: `${path} ${version}, ${origin}`,
    local: true,
    create: async (settings) => new LocalProcess(path, env, settings, await mkdtemp(join(tmpdir(), 'redis-server-'))),
  };
}

/** `redis-server` or `valkey-server` on PATH. */
export async function programOnPath(): Promise<RedisProgram> {
  const names = ['redis-server', 'valkey-server'];
  for (const name of names) {
    const program = await localProgram(name, 'found on PATH').catch(() => undefined);
    if (program) {
      return program;
    }
  }
  throw new Error(`Neither ${names.join(' nor ')} is on PATH.`);
}

class LocalProcess implements RedisInstance {
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private readonly data: string;

  constructor(
    private readonly path: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly settings: LaunchSettings,
    private readonly folder: string,
  ) {
    this.data = join(folder, 'data');
  }

  async start(): Promise<void> {
    await mkdir(this.data, { recursive: true });
    const address = ['--bind', '127.0.0.1', '--port', String(this.settings.port), '--dir', this.data];
    // A session of its own: Ctrl-C in a terminal must not end Redis before those who use it.
    const child = spawn(this.path, [...(await this.configFile()), ...address, ...this.settings.args], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    if (child.pid !== undefined) {
      const watchdog = new Watchdog('kill -KILL "$1"; rm -rf "$2"', String(child.pid), this.folder);
      child.once('exit', () => watchdog.dismiss());
    }
    await ready(child);
  }

  async terminate(): Promise<void> {
    const timer = setTimeout(() => this.child?.kill('SIGKILL'), GRACE_MS);
    await this.end('SIGTERM');
    clearTimeout(timer);
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  async pause(): Promise<void> {
    this.child?.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    this.child?.kill('SIGCONT');
  }

  async clear(): Promise<void> {
    await rm(this.data, { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** It is written once: a server that is started again finds what it wrote itself. */
  private async configFile(): Promise<string[]> {
    const { config } = this.settings;
    if (config === undefined) return [];
    const path = join(this.folder, 'redis.conf');
    await writeFile(path, config, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return [path];
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.child?.ref();
    this.child?.kill(signal);
    // A paused process takes SIGTERM only once it goes on.
    this.child?.kill('SIGCONT');
    await this.exited;
  }
}

/** Waits for the line of the log that says that the server takes commands; from then on it does not keep this process running. */
async function ready(child: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`${what} Its last words: ${log.trim() || '(none)'}`));
    const timer = setTimeout(() => fail(`It was not ready within ${READY_TIMEOUT_MS} ms.`), READY_TIMEOUT_MS);
    const settle = (then: () => void) => (): void => {
      clearTimeout(timer);
      then();
    };
    const read = (text: string): void => {
      log = (log + text).slice(-LOG_CHARACTERS);
      if (/Ready to accept connections|Sentinel ID is/.test(log)) {
        settle(resolve)();
      }
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    child.once(
      'error',
      settle(() => fail('It could not be run.')),
    );
    // Unlike "exit", "close" comes after the last line of the log.
    child.once(
      'close',
      settle(() => fail('It ended.')),
    );
  });
  child.unref();
  for (const pipe of [child.stdout, child.stderr]) {
    (pipe as unknown as Socket).unref();
  }
}
