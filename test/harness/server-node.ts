import { fork, type ChildProcess } from 'node:child_process';
import { Watchdog } from '../../src/testing/watchdog.js';
import { nodeProgram } from './bundle-node.js';
import type { NodeFunction } from './node-context.js';
import { resolveNodeOptions, type NodeOptions } from './node-options.js';
import { waitFor, type WaitOptions } from './wait-for.js';

const CALL_TIMEOUT_MS = 40_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Reply {
  id: number;
  value?: unknown;
  error?: { name: string; message: string; stack?: string; fields: Record<string, unknown> };
}

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A Socket.IO server in a process of its own. */
export class ServerNode {
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, Call>();
  readonly #mayExit: boolean;
  #nextCall = 1;
  #stderr = '';
  #url = '';
  #ending = false;
  #frozen: Watchdog | undefined;

  /** Resolves once the process has ended, however it did. */
  readonly exited: Promise<Exit>;

  private constructor(
    readonly name: string,
    { env, mayExit }: NodeOptions,
  ) {
    this.#mayExit = mayExit ?? false;
    this.#process = fork(nodeProgram(), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execArgv: [],
      env: { ...process.env, ...env },
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#process.on('message', (reply: Reply) => this.#settle(reply));
    this.exited = new Promise((resolve) => {
      // Not `exit`: what the process wrote last is still on its way then.
      this.#process.once('close', (code, signal) => resolve({ code, signal }));
    });
    void this.exited.then((exit) => this.#rejectCalls(exit));
  }

  /** Starts the process; resolves once the server listens. */
  static async start(name: string, redisUrl: string, options: NodeOptions): Promise<ServerNode> {
    const node = new ServerNode(name, options);
    try {
      node.#url = (await node.#call('start', resolveNodeOptions(name, redisUrl, options))) as string;
      return node;
    } catch (error) {
      await node.end();
      throw error;
    }
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** What the process wrote to its standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /**
   * Runs the function in the process of the node and resolves with what it returns or resolves with. Only its source text
   * is sent, so it sees nothing of the test but the arguments; those and the result are cloned (structured clone). An error
   * thrown there is thrown here, with its own fields.
   */
  async run<Args extends unknown[], Result>(fn: NodeFunction<Args, Result>, ...args: Args): Promise<Awaited<Result>> {
    return (await this.#call('run', { source: fn.toString(), args })) as Awaited<Result>;
  }

  /** The calls that a listener made with `ctx.record(name)` has seen, as lists of arguments, once there are `count` of them. */
  async recorded(name: string, count = 0, options: WaitOptions = {}): Promise<unknown[][]> {
    let calls: unknown[][] = [];
    await waitFor(
      async () => {
        calls = (await this.#call('recorded', name)) as unknown[][];
        return calls.length >= count;
      },
      { what: () => `${count} times "${name}" on ${this.name}; there are ${calls.length}`, ...options },
    );
    return calls;
  }

  /** Sends a signal. SIGSTOP freezes the node until SIGCONT; after SIGKILL, await `exited`. */
  kill(signal: NodeJS.Signals): void {
    if (signal === 'SIGSTOP') {
      // A frozen process does not notice that the tests have gone.
      this.#frozen ??= new Watchdog('kill -KILL "$1"', String(this.pid));
    } else if (signal !== 'SIGCONT') {
      this.#ending = true;
    }
    this.#process.kill(signal);
    if (signal === 'SIGCONT') {
      this.#thaw();
    }
  }

  /** Ends the node as a deployment does: closes the server, then the Redis client, then the process. */
  async close(): Promise<Exit> {
    this.#ending = true;
    const closing = this.#call('close', undefined).catch((error: unknown) => {
      // The process may have ended before its reply was sent.
      if (this.alive) {
        throw error;
      }
    });
    try {
      await Promise.race([this.exited, closing]);
      return await this.exited;
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** Ends the process on the spot. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#process.kill('SIGKILL');
    await this.exited;
    this.#thaw();
  }

  /** @throws if the process has ended though nobody asked for it. */
  assertNotCrashed(): void {
    if (!this.alive && !this.#ending && !this.#mayExit) {
      throw new Error(`${this.name} ended on its own (${this.#process.exitCode}). It said:\n${this.#stderr}`);
    }
  }

  #thaw(): void {
    this.#frozen?.dismiss();
    this.#frozen = undefined;
  }

  #call(operation: string, argument: unknown): Promise<unknown> {
    if (!this.alive) {
      return this.exited.then((exit) => Promise.reject(this.#ended(exit)));
    }
    const id = this.#nextCall++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        reject(new Error(`${this.name} did not answer "${operation}" within ${CALL_TIMEOUT_MS} ms.\n${this.#stderr}`));
      }, CALL_TIMEOUT_MS);
      this.#calls.set(id, {
        resolve: (value) => (clearTimeout(timer), resolve(value)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      });
      this.#process.send({ id, operation, argument }, (error) => {
        if (error && this.alive) {
          this.#settle({ id, error: { name: error.name, message: error.message, fields: {} } });
        }
      });
    });
  }

  #settle({ id, value, error }: Reply): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) {
      call?.reject(Object.assign(new Error(error.message), error.fields, { name: error.name, stack: error.stack }));
    } else {
      call?.resolve(value);
    }
  }

  #rejectCalls(exit: Exit): void {
    for (const call of this.#calls.values()) {
      call.reject(this.#ended(exit));
    }
    this.#calls.clear();
  }

  #ended({ code, signal }: Exit): Error {
    return new Error(`${this.name} ended (${signal ?? code}) before it answered. It said:\n${this.#stderr}`);
  }
}
