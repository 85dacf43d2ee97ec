import type { FactoryProvider, InjectionToken, Provider } from '@nestjs/common';
import { resolveOptions } from '../adapter/resolve-options.js';
import type { RedisStreamsModuleOptions } from './module-options.js';
import { validateModuleOptions } from './module-options.validation.js';
import { openClient, type ClientHandle } from './redis-client.js';
import { RedisStreams } from './redis-streams.js';
import { RedisStreamsCluster } from './redis-streams-cluster.js';
import { RedisStreamsEmitter } from './redis-streams-emitter.js';
import {
  getRedisStreamsToken,
  getSocketServersToken,
  INSTANCE,
  MODULE_OPTIONS,
  REDIS_CLIENT,
  SOCKET_SERVERS,
} from './redis-streams.tokens.js';
import { SocketServers } from './socket-servers.js';

/** Providers of the module instance called `name`. */
export function createProviders(name: string | undefined): Provider[] {
  return [
    {
      // Nest makes the Socket.IO servers before it calls any lifecycle hook, but after every asynchronous factory.
      provide: REDIS_CLIENT,
      useFactory: (options: RedisStreamsModuleOptions): Promise<ClientHandle> =>
        openClient(options, resolveOptions(validateModuleOptions(options))),
      inject: [MODULE_OPTIONS],
    },
    {
      provide: SOCKET_SERVERS,
      useFactory: (options: RedisStreamsModuleOptions, { client }: ClientHandle) =>
        new SocketServers(client, options, name),
      inject: [MODULE_OPTIONS, REDIS_CLIENT],
    },
    { provide: getSocketServersToken(name), useExisting: SOCKET_SERVERS },
    {
      provide: INSTANCE,
      useFactory: (servers: SocketServers) =>
        new RedisStreams(servers, new RedisStreamsEmitter(servers), new RedisStreamsCluster(servers)),
      inject: [SOCKET_SERVERS],
    },
    { provide: getRedisStreamsToken(name), useExisting: INSTANCE },
    ...(isDefault(name) ? PARTS : []),
  ];
}

/** What the application can inject of the module instance called `name`. */
export function exportedTokens(name: string | undefined): InjectionToken[] {
  return [getRedisStreamsToken(name), ...(isDefault(name) ? PARTS.map(({ provide }) => provide) : [])];
}

/** Of an instance without a name, the parts can be injected, too; of one with a name, they are found in its `RedisStreams`. */
const PARTS: FactoryProvider[] = [
  { provide: RedisStreamsEmitter, useFactory: ({ emitter }: RedisStreams) => emitter, inject: [INSTANCE] },
  { provide: RedisStreamsCluster, useFactory: ({ cluster }: RedisStreams) => cluster, inject: [INSTANCE] },
];

function isDefault(name: string | undefined): boolean {
  return getRedisStreamsToken(name) === RedisStreams;
}
