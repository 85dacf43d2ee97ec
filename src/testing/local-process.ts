import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchSettings, RedisInstance, RedisProgram } from './program.js';
import { run } from './run.js';
import { Watchdog } from './watchdog.js';

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
  private exited: Promise<unknown> = Promise.resolve();
  private watchdog: Watchdog | undefined;
  private log = '';
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
    this.log = '';
    const address = ['--bind', '127.0.0.1', '--port', String(this.settings.port), '--dir', this.data];
    // A session of its own: Ctrl-C in a terminal must not end Redis before those who use it.
    const child = spawn(this.path, [...address, ...this.settings.args], {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', resolve);
      child.once('error', resolve);
    });
    child.on('error', (error) => this.keep(error.message));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.keep(text));
      (stream as unknown as { unref?: () => void }).unref?.();
    }
    child.unref();
    if (child.pid === undefined) {
      await this.exited;
      return;
    }
    const watchdog = new Watchdog('kill -KILL "$1"; rm -rf "$2"', String(child.pid), this.folder);
    this.watchdog = watchdog;
    child.once('exit', () => watchdog.dismiss());
  }

  async obituary(): Promise<string | undefined> {
    return this.running() ? undefined : this.log.trim();
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

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.child || !this.running()) {
      return;
    }
    this.child.ref();
    this.child.kill(signal);
    // A paused process takes SIGTERM only once it goes on.
    this.child.kill('SIGCONT');
    await this.exited;
  }

  private running(): boolean {
    return this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private keep(text: string): void {
    this.log = (this.log + text).slice(-LOG_CHARACTERS);
  }
}
