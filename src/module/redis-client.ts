import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type RedisClientOptions } from 'redis';
import { InvalidOptionError, RedisUnavailableError, toError } from '../adapter/errors.js';
import type { RedisClient } from '../adapter/index.js';
import { destroyClient, watchClient } from '../adapter/redis/destroy-client.js';
import { DEFAULT_URL } from './redis-streams.constants.js';
import type { RedisStreamsModuleOptions } from './module-options.js';

type MadeClient = ReturnType<typeof createClient>;

interface Made {
  client: MadeClient;
  /** Where its address comes from, for a person. */
  source: string;
}

const EXPECTED_URL =
  'Expected redis://[[user]:[password]@]host[:port][/database], rediss:// for TLS, with the special characters of user and ' +
  'password percent-encoded.';

interface ConnectionTimeouts {
  /** How long to wait for Redis, in milliseconds. */
  readyTimeout: number;
  /** How long a stop waits for replies of Redis, in milliseconds. */
  shutdownTimeout: number;
}

/** A client of Redis, and whose it is. */
export interface ClientHandle {
  readonly client: RedisClient;
  /** Lets Redis go if the module made the client; leaves a client of the user alone. */
  close(): Promise<void>;
}

/**
 * The client given in the options, or one made from them, connected.
 *
 * @throws {InvalidOptionError} if the options make no client.
 * @throws {RedisUnavailableError} if Redis is not reached within `readyTimeout`; nothing goes on trying afterwards.
 */
export async function openClient(
  options: Pick<RedisStreamsModuleOptions, 'client' | 'url' | 'redis'>,
  timeouts: ConnectionTimeouts,
): Promise<ClientHandle> {
  if (options.client !== undefined) {
    return { client: options.client, close: () => Promise.resolve() };
  }
  const made = makeClient(options);
  await connect(made, timeouts.readyTimeout);
  const { client } = made;
  return { client, close: () => close(client, timeouts.shutdownTimeout) };
}

function makeClient({ url, redis }: Pick<RedisStreamsModuleOptions, 'url' | 'redis'>): Made {
  const { options, source, option } = clientOptionsOf(url, redis);
  if (options.url !== undefined && !/^(rediss?|unix):\/\//.test(options.url)) {
    throw new InvalidOptionError(`${source} is not the URL of a Redis. ${EXPECTED_URL}`, option);
  }
  try {
    // A copy, since createClient() writes into what it is given.
    const copy = { ...options, ...(options.socket && { socket: { ...options.socket } }) };
    return { client: createClient(copy) as MadeClient, source };
  } catch (error) {
    // The cause is not passed on: it holds the URL, and so the password.
    const reason = redact(toError(error).message, options.url);
    throw new InvalidOptionError(`${source} cannot be used to connect to Redis: ${reason}. ${EXPECTED_URL}`, option);
  }
}

function clientOptionsOf(
  url: string | undefined,
  redis: RedisClientOptions | undefined,
): { options: RedisClientOptions; source: string; option: string } {
  if (url !== undefined) return { options: { ...redis, url }, source: 'Option `url`', option: 'url' };
  if (redis !== undefined) return { options: redis, source: 'Option `redis`', option: 'redis' };
  const environment = process.env['REDIS_URL'];
  return environment
    ? { options: { url: environment }, source: 'Environment variable `REDIS_URL`', option: 'REDIS_URL' }
    : { options: { url: DEFAULT_URL }, source: 'No option and no environment variable `REDIS_URL`', option: 'url' };
}

/** `message` without `url`, and without what stands before the host in any other URL. */
function redact(message: string, url: string | undefined): string {
  const withoutUrl = url ? message.replaceAll(url, '***') : message;
  return withoutUrl.replaceAll(/\/\/\S*@/g, '//***@');
}

async function connect({ client, source }: Made, readyTimeout: number): Promise<void> {
  let lastError: Error | undefined;
  // Without a listener the first lost connection would end the process. The adapter reports on its own connections instead.
  client.on('error', (error: Error) => {
    lastError = error;
  });
  watchClient(client);
  const timeout = new AbortController();
  const tooLate = sleep(readyTimeout, true, { signal: timeout.signal }).catch(() => false);
  try {
    if ((await Promise.race([client.connect(), tooLate])) === true) {
      throw unavailable(client, source, ` within ${readyTimeout} ms`, lastError);
    }
  } catch (error) {
    if (client.isOpen) destroyClient(client);
    throw error instanceof RedisUnavailableError ? error : unavailable(client, source, '', toError(error));
  } finally {
    timeout.abort();
  }
}

function unavailable(
  client: MadeClient,
  source: string,
  within: string,
  cause: Error | undefined,
): RedisUnavailableError {
  return new RedisUnavailableError(
    `Could not connect to Redis at ${addressOf(client)}${within}: ${cause ? reasonOf(cause) : 'it did not answer'}. ` +
      'Make sure that Redis runs there, that this machine can reach it, and that user and password are right. ' +
      `The address comes from: ${source.replace(/^./, (letter) => letter.toLowerCase())}. ` +
      'How long a start waits is set by the option `readyTimeout`.',
    { cause },
  );
}

/** Host and port, or the path of the socket, and nothing that is secret. */
function addressOf(client: MadeClient): string {
  const socket: { host?: string | undefined; port?: number | undefined; path?: string | undefined } =
    client.options.socket ?? {};
  return socket.path ?? `${socket.host ?? 'localhost'}:${socket.port ?? 6379}`;
}

/** The error's message; that of its first part for a host with several addresses, whose own message is empty. */
function reasonOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return redact(toError(first).message, undefined) || error.name;
}

async function close(client: MadeClient, shutdownTimeout: number): Promise<void> {
  if (!client.isOpen) return;
  // Replies that close() would wait for do not come while Redis is away.
  if (!client.isReady) return destroyClient(client);
  const timeout = new AbortController();
  const tooLate = sleep(shutdownTimeout, true, { signal: timeout.signal }).catch(() => false);
  if (await Promise.race([client.close(), tooLate])) destroyClient(client);
  timeout.abort();
}
