import type { Provider } from '@nestjs/common';
import { resolveOptions } from '../adapter/resolve-options.js';
import type { RedisStreamsModuleOptions } from './module-options.js';
import { validateModuleOptions } from './module-options.validation.js';
import { openClient, type ClientHandle } from './redis-client.js';
import { RedisStreams } from './redis-streams.js';
import {
  getRedisStreamsToken,
  getSocketServersToken,
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
      provide: getRedisStreamsToken(name),
      useFactory: ({ client }: ClientHandle, servers: SocketServers) => new RedisStreams(client, servers),
      inject: [REDIS_CLIENT, SOCKET_SERVERS],
    },
  ];
}
