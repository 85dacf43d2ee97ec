import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { HealthIndicatorResult, HealthIndicatorStatus } from '@nestjs/terminus';
import { withDeadline } from '../../adapter/deadline.js';
import { toError } from '../../adapter/errors.js';
import { resolveOptions } from '../../adapter/resolve-options.js';
import type { ManagedServer } from '../managed-server.js';
import { moduleNotFound } from '../module-not-found.js';
import { validateModuleOptions } from '../module-options.validation.js';
import type { RedisStreams } from '../redis-streams.js';
import { getRedisStreamsToken, getSocketServersToken } from '../redis-streams.tokens.js';
import { describeServer } from '../server-options.js';
import type { SocketServers } from '../socket-servers.js';
import {
  assessEmitter,
  assessServer,
  figuresOf,
  type Assessment,
  type HealthThresholds,
  type ServerFigures,
} from './assessment.js';
import { KNOWS_DEGRADED } from './terminus.js';

const DEFAULT_KEY = 'redis-streams';

/** Which instance of the module is looked at. */
export interface RedisStreamsReadinessOptions {
  /** The instance of the module, by its option `name`. Default: the one without a name. */
  name?: string;
}

/** Options of {@link RedisStreamsHealthIndicator.isHealthy}. Every one has a default. */
export interface RedisStreamsHealthOptions extends RedisStreamsReadinessOptions, HealthThresholds {
  /** How long Redis has to answer, in milliseconds. Default 1_000. */
  timeout?: number;
}

/**
 * Health of the adapter for Terminus.
 *
 * ```ts
 * @Module({ imports: [TerminusModule], controllers: [HealthController], providers: [RedisStreamsHealthIndicator] })
 * export class HealthModule {}
 *
 * @Get('health') @HealthCheck()
 * health() { return this.health.check([() => this.redisStreams.isHealthy()]); }
 *
 * @Get('ready') @HealthCheck()
 * ready() { return this.health.check([() => this.redisStreams.isReady()]); }
 * ```
 *
 * @see https://docs.nestjs.com/recipes/terminus
 */
@Injectable()
export class RedisStreamsHealthIndicator {
  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {}

  /**
   * How well the Socket.IO servers of the application, and its emitter, are doing.
   *
   * - `down`: a connection to Redis is away or closed for good, Redis does not answer, a server has not joined the cluster, or the
   *   application is stopping.
   * - `degraded`: a node is behind the end of the stream, its outbox fills, or its own heartbeats do not come back. Terminus 11 has no such
   *   status: there it is `up`, with `degraded: true`.
   *
   * The reasons are under `reasons`, the figures of each server under `servers`.
   *
   * @param key name of the result. Default `redis-streams`.
   */
  async isHealthy<const Key extends string = typeof DEFAULT_KEY>(
    key: Key = DEFAULT_KEY as Key,
    options: RedisStreamsHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { servers, instance } = this.#find(options.name);
    const { heartbeatTimeout } = resolveOptions(validateModuleOptions(servers.options));
    const thresholds = { maxLag: 5_000, maxOutboxFill: 0.1, maxHeartbeatAge: heartbeatTimeout, ...defined(options) };
    const signal = AbortSignal.timeout(options.timeout ?? 1_000);
    const examined = await Promise.all(
      servers.all.map(async (managed) => ({
        label: describeServer(managed.address),
        ...(await examine(managed, signal)),
      })),
    );
    const found = examined.map(({ label, figures, failure }) =>
      prefixed(`The server on ${label}`, figures ? assessServer(figures, thresholds, failure) : LEFT),
    );
    for (const { label, ...snapshot } of instance.emitter.snapshots()) {
      found.push(prefixed(`The ${label}`, assessEmitter(snapshot, thresholds)));
    }
    if (servers.stopping) found.push({ down: ['The application is stopping'], degraded: [] });
    return resultOf(key, found, {
      servers: Object.fromEntries(examined.flatMap(({ label, figures }) => (figures ? [[label, figures]] : []))),
    });
  }

  /**
   * Whether the application is to be given clients: it is once every Socket.IO server has joined the cluster, and no longer once the
   * application begins to stop, whereupon it hands its clients over. An outage of Redis is no reason: it concerns all nodes alike, local
   * clients are still served, and what is emitted waits in the outbox.
   *
   * @param key name of the result. Default `redis-streams`.
   */
  async isReady<const Key extends string = typeof DEFAULT_KEY>(
    key: Key = DEFAULT_KEY as Key,
    options: RedisStreamsReadinessOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { servers } = this.#find(options.name);
    const down: string[] = [];
    if (servers.stopping) down.push('The application is stopping');
    for (const { address, joined } of servers.all) {
      if (!joined) down.push(`The server on ${describeServer(address)}: it has not joined the cluster`);
    }
    return Promise.resolve(resultOf(key, [{ down, degraded: [] }], {}));
  }

  #find(name: string | undefined): { servers: SocketServers; instance: RedisStreams } {
    try {
      return {
        servers: this.moduleRef.get<SocketServers>(getSocketServersToken(name), { strict: false }),
        instance: this.moduleRef.get<RedisStreams>(getRedisStreamsToken(name), { strict: false }),
      };
    } catch (error) {
      throw moduleNotFound('RedisStreamsHealthIndicator', name, error);
    }
  }
}

function resultOf<Key extends string>(
  key: Key,
  found: readonly Assessment[],
  data: Record<string, unknown>,
): HealthIndicatorResult<Key> {
  const down = found.flatMap((one) => one.down);
  const degraded = found.flatMap((one) => one.degraded);
  const reasons = [...down, ...degraded];
  let status: HealthIndicatorStatus = down.length > 0 ? 'down' : 'up';
  const more: Record<string, unknown> = { ...(reasons.length > 0 && { reasons }), ...data };
  if (status === 'up' && degraded.length > 0) {
    if (KNOWS_DEGRADED) status = 'degraded';
    else more['degraded'] = true;
  }
  return { [key]: { status, ...more } } as HealthIndicatorResult<Key>;
}

const LEFT: Assessment = { down: ['it has left the cluster'], degraded: [] };

interface Examined {
  /** `undefined` when the server has left the cluster. */
  figures?: ServerFigures;
  /** Why those are not there that Redis tells, unless it was too late. */
  failure?: Error;
}

async function examine({ adapter, server }: ManagedServer, signal: AbortSignal): Promise<Examined> {
  if (adapter.snapshot().length === 0) return {};
  const view = adapter.cluster(server);
  try {
    return { figures: figuresOf(await withDeadline(view.self(), signal), Date.now()) };
  } catch (error) {
    const figures = figuresOf(view.snapshot(), Date.now());
    return signal.aborted ? { figures } : { figures, failure: toError(error) };
  }
}

function prefixed(subject: string, { down, degraded }: Assessment): Assessment {
  const say = (reason: string): string => `${subject}: ${reason}`;
  return { down: down.map(say), degraded: degraded.map(say) };
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
