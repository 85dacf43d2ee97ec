import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import { waitFor } from '../../harness/wait-for.js';
import { freePorts } from './ports.js';
import { descendants, stillRunning } from './processes.js';
import type { Person } from './person.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NODES = 2;

/** How long `npm start` may take, with a build of package and sample before it. */
export const START_DEADLINE = 180_000;
const STOP_DEADLINE = 30_000;

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** Runs `npm start` as somebody does in a terminal of their own. */
export class Sample {
  output = '';
  readonly exited: Promise<Ending>;
  private readonly npm: ChildProcess;

  private constructor(
    readonly port: number,
    env: NodeJS.ProcessEnv,
  ) {
    this.npm = spawn('npm', ['start'], {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: '1', NODES: String(NODES), PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Signals are sent to the whole group, as a terminal does it.
      detached: true,
    });
    for (const stream of [this.npm.stdout, this.npm.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.exited = once(this.npm, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      output: this.output,
    }));
  }

  /** Starts the sample; resolves once it says that it can be used. */
  static async start(env: NodeJS.ProcessEnv = {}): Promise<Sample> {
    const sample = new Sample(await freePorts(NODES + 1), env);
    let ended: Ending | undefined;
    void sample.exited.then((ending) => (ended = ending));
    try {
      await waitFor(() => ended ?? sample.output.includes('Ctrl-C stops everything.'), {
        deadline: START_DEADLINE,
        interval: 50,
        what: () => `npm start to be ready. It said:\n${sample.output}`,
      });
    } catch (error) {
      await sample.stop();
      throw error;
    }
    if (ended) {
      throw new Error(`npm start ended with exit code ${ended.code}. It said:\n${sample.output}`);
    }
    return sample;
  }

  /** Runs the sample where it cannot run; resolves once it has given up. */
  static async fail(env: NodeJS.ProcessEnv): Promise<Ending> {
    const sample = new Sample(Number(env.PORT ?? (await freePorts(NODES + 1))), env);
    return sample.exited;
  }

  /** Where the balancer listens. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where a node listens for itself, 1 and 2. */
  nodeUrl(number: number): string {
    return `http://127.0.0.1:${this.port + number}`;
  }

  /** Resolves once Redis holds the session of a connected person with the room in it, so that it outlives the node. */
  async sessionKept(person: Person, room: string): Promise<void> {
    const url = /^Redis: .* at (\S+)$/m.exec(this.output)?.[1];
    const redis = await createClient({ url: url as string })
      .on('error', () => undefined)
      .connect();
    try {
      await waitFor(async () => {
        const keys = await redis.keys('sio:session:*');
        const values = keys.length > 0 ? await redis.mGet(keys) : [];
        return values.some((value) => {
          const session = Buffer.from(value ?? '', 'base64').toString('latin1');
          return session.includes(person.socket.id as string) && session.includes(room);
        });
      });
    } finally {
      redis.destroy();
    }
  }

  /** npm and everything below it. */
  async pids(): Promise<number[]> {
    return [this.pid, ...(await descendants(this.pid))];
  }

  /** The launcher: what npm runs. */
  async launcher(): Promise<number> {
    const [launcher] = await descendants(this.pid);
    if (launcher === undefined) {
      throw new Error('npm runs nothing.');
    }
    return launcher;
  }

  /** What Ctrl-C does. */
  async ctrlC(): Promise<Ending> {
    process.kill(-this.pid, 'SIGINT');
    return this.exited;
  }

  async stop(): Promise<void> {
    const pids = await this.pids();
    if (this.npm.exitCode === null && this.npm.signalCode === null) {
      this.npm.kill('SIGTERM');
    }
    await waitFor(async () => (await stillRunning(pids)).length === 0, {
      deadline: STOP_DEADLINE,
      interval: 50,
      what: () => `every process of the sample to end. It said:\n${this.output}`,
    });
  }

  private get pid(): number {
    if (this.npm.pid === undefined) {
      throw new Error('npm could not be started.');
    }
    return this.npm.pid;
  }
}
