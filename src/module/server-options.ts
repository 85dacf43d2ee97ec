import { InvalidOptionError } from '../adapter/errors.js';
import { show } from '../adapter/resolve-options.js';
import { DEFAULT_PATH } from './redis-streams.constants.js';
import type { RedisStreamsModuleOptions, SocketServerAddress } from './module-options.js';
import type { FullServerOptions, ServerOptions } from './socket-io.types.js';

/**
 * Options of a Socket.IO server: those of the module, overridden one by one by what the gateway's decorator sets.
 *
 * @throws {InvalidOptionError} if the gateway sets an adapter of its own, which would leave its server out of the cluster.
 */
export function mergeServerOptions(
  ofModule: ServerOptions | undefined,
  ofGateway: Partial<FullServerOptions> | undefined,
): ServerOptions {
  const set = Object.entries(ofGateway ?? {}).filter(([, value]) => value !== undefined);
  if (set.some(([name]) => name === 'adapter')) {
    throw new InvalidOptionError(
      'A gateway sets the option `adapter`, which would leave its server out of the cluster. Remove it from the decorator: ' +
        'RedisStreamsIoAdapter installs the adapter.',
      'adapter',
    );
  }
  return { ...ofModule, ...(Object.fromEntries(set) as ServerOptions) };
}

/** Port and path that tell a server apart from the others of its application. The path is written as Socket.IO does it. */
export function serverAddress(port: number, path: string | undefined): SocketServerAddress {
  return { port, path: (path || DEFAULT_PATH).replace(/\/$/, '') };
}

/** Whether it is the server that an application has when its gateways set neither port nor path. */
export function isMainServer({ port, path }: SocketServerAddress): boolean {
  return port === 0 && path === DEFAULT_PATH;
}

/** A server as it may be called in a log: `port 81, path /admin`. */
export function describeServer({ port, path }: SocketServerAddress): string {
  return port === 0 ? `path ${path}` : `port ${port}, path ${path}`;
}

/**
 * Scope of a server: `undefined` for the main one of an application that sets none.
 *
 * @throws {InvalidOptionError} if the function given as option returns something else than a string or `undefined`.
 */
export function scopeOf(server: SocketServerAddress, option: RedisStreamsModuleOptions['scope']): string | undefined {
  if (typeof option === 'function') {
    const scope: unknown = option(server);
    if (scope !== undefined && typeof scope !== 'string') {
      throw new InvalidOptionError(
        `The function given as option \`scope\` must return a string or \`undefined\`, but returned ${show(scope)} for the ` +
          `server on ${describeServer(server)}.`,
        'scope',
      );
    }
    if (scope !== undefined) return scope;
  }
  const own = isMainServer(server) ? '' : `${server.port === 0 ? '' : `:${server.port}`}${server.path}`;
  const prefix = typeof option === 'string' ? option : '';
  return prefix + own || undefined;
}
