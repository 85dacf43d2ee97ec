import { debianProgram } from './debian-packages.js';
import { dockerProgram } from './docker-container.js';
import { localProgram, programOnPath } from './local-process.js';

/** What a server is started with. */
export interface LaunchSettings {
  port: number;
  /** Arguments of `redis-server`; those about address, port and folder are added by the program. */
  args: readonly string[];
  /** Content of a configuration file of its own, which the server may write into. Default: none. */
  config?: string;
}

/** One server, that can be started again and again on the same port and data. */
export interface RedisInstance {
  /** Starts the server; resolves once it takes commands, rejects with its last words if it does not. */
  start(): Promise<void>;
  /** Lets the server end in its own time, for a few seconds; does nothing if it has ended. */
  terminate(): Promise<void>;
  /** Ends the server on the spot. */
  kill(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Throws the data away. The server must have ended. */
  clear(): Promise<void>;
  /** Removes everything that the server leaves behind. The server must have ended. */
  remove(): Promise<void>;
}

/** A way to run Redis on this machine. */
export interface RedisProgram {
  /** Which one it is, as a sentence. */
  readonly source: string;
  /** Whether its servers run on this machine itself, not in containers, and so can reach each other. */
  readonly local: boolean;
  create(settings: LaunchSettings): Promise<RedisInstance>;
}

let found: Promise<RedisProgram> | undefined;

/**
 * Finds a Redis server that this machine can run, or brings one. `REDIS_SERVER` (path of a binary) and `REDIS_IMAGE`
 * (container image) choose one; otherwise `redis-server` or `valkey-server` on PATH, then the packages of Debian or Ubuntu,
 * unpacked into a cache folder, then Docker.
 */
export function findProgram(): Promise<RedisProgram> {
  found ??= search().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

async function search(): Promise<RedisProgram> {
  const { REDIS_SERVER, REDIS_IMAGE } = process.env;
  if (REDIS_SERVER) {
    return localProgram(REDIS_SERVER, 'as REDIS_SERVER says');
  }
  if (REDIS_IMAGE) {
    return dockerProgram(REDIS_IMAGE);
  }
  const failures: string[] = [];
  for (const way of [programOnPath, debianProgram, dockerProgram]) {
    try {
      return await way();
    } catch (error) {
      failures.push(`- ${(error as Error).message}`);
    }
  }
  throw new Error(
    [
      'No redis-server could be found or brought to this machine. Any one of these helps:',
      '1. install Redis 7 or Valkey, so that redis-server or valkey-server is on PATH (or name the binary in REDIS_SERVER);',
      '2. start Docker, so that `docker run redis:7` works;',
      '3. where a server of your own will do (not for the fault tests, which kill theirs), set REDIS_URL, for example redis://127.0.0.1:6379.',
      'What was tried:',
      ...failures,
    ].join('\n'),
  );
}
