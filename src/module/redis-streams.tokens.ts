import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_NAME } from './redis-streams.constants.js';
import { RedisStreams } from './redis-streams.js';
import { SocketServers } from './socket-servers.js';

// Known within one instance of the module alone.
export const MODULE_OPTIONS = 'REDIS_STREAMS_MODULE_OPTIONS';
export const REDIS_CLIENT = 'REDIS_STREAMS_CLIENT';
export const SOCKET_SERVERS = 'REDIS_STREAMS_SOCKET_SERVERS';
export const INSTANCE = 'REDIS_STREAMS_INSTANCE';

/**
 * Injection token of the {@link RedisStreams} of the module instance called `name`: the class itself for the instance
 * without a name.
 */
export function getRedisStreamsToken(name: string = DEFAULT_NAME): InjectionToken<RedisStreams> {
  return name === DEFAULT_NAME ? RedisStreams : `RedisStreams(${name})`;
}

/** Injection token under which `RedisStreamsIoAdapter` finds the servers of the module instance called `name`. */
export function getSocketServersToken(name: string = DEFAULT_NAME): InjectionToken<SocketServers> {
  return name === DEFAULT_NAME ? SocketServers : `RedisStreamsSocketServers(${name})`;
}

/**
 * Injects the {@link RedisStreams} of the module instance called `name`; without a name, that of the one without.
 *
 * ```ts
 * constructor(@InjectRedisStreams('chat') private readonly chat: RedisStreams) {}
 * ```
 */
export const InjectRedisStreams = (name?: string): PropertyDecorator & ParameterDecorator =>
  Inject(getRedisStreamsToken(name));
