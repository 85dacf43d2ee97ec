import { describe, expect, it } from 'vitest';
import { isMainServer, mergeServerOptions, scopeOf, serverAddress } from './server-options.js';

describe('options of a Socket.IO server', () => {
  it("are the module's, overridden one by one by the gateway's", () => {
    expect(mergeServerOptions({ pingTimeout: 1, pingInterval: 2 }, { pingInterval: 3, cookie: true })).toEqual({
      pingTimeout: 1,
      pingInterval: 3,
      cookie: true,
    });
  });

  it('are not overridden by what the gateway leaves undefined', () => {
    expect(mergeServerOptions({ pingTimeout: 1 }, { pingTimeout: undefined } as object)).toEqual({ pingTimeout: 1 });
  });

  it('are made anew for each server, since Socket.IO writes into them', () => {
    const ofModule = { pingTimeout: 1 };
    expect(mergeServerOptions(ofModule, undefined)).not.toBe(ofModule);
  });

  it('may hold no adapter: that server would be left out of the cluster', () => {
    expect(() => mergeServerOptions({}, { adapter: class {} } as object)).toThrow(
      'A gateway sets the option `adapter`, which would leave its server out of the cluster.',
    );
  });
});

describe('scope of a Socket.IO server', () => {
  const main = serverAddress(0, undefined);

  it.each([
    [0, undefined, undefined],
    [0, '/socket.io', undefined],
    [0, '/socket.io/', undefined],
    [0, '/admin', '/admin'],
    [81, undefined, ':81/socket.io'],
    [81, '/admin', ':81/admin'],
  ])('port %i, path %s: %s', (port, path, scope) => {
    expect(scopeOf(serverAddress(port, path), undefined)).toBe(scope);
  });

  it('follows a string given as option, and still tells the servers of an application apart', () => {
    expect(scopeOf(main, 'chat')).toBe('chat');
    expect(scopeOf(serverAddress(81, '/admin'), 'chat')).toBe('chat:81/admin');
  });

  it('is what a function given as option returns', () => {
    expect(scopeOf(serverAddress(81, '/admin'), ({ port, path }) => `${path}@${port}`)).toBe('/admin@81');
    expect(scopeOf(serverAddress(81, undefined), () => '')).toBe('');
  });

  it('is the default where the function returns undefined', () => {
    expect(scopeOf(serverAddress(81, undefined), () => undefined)).toBe(':81/socket.io');
  });

  it('refuses a function that returns something else', () => {
    expect(() => scopeOf(serverAddress(81, '/admin'), () => 5 as unknown as string)).toThrow(
      'The function given as option `scope` must return a string or `undefined`, but returned 5 for the server on port 81, path /admin.',
    );
  });

  it('is none for the main server alone', () => {
    expect(isMainServer(main)).toBe(true);
    expect(isMainServer(serverAddress(0, '/admin'))).toBe(false);
    expect(isMainServer(serverAddress(81, '/socket.io'))).toBe(false);
  });
});
