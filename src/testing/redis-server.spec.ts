import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { answersPing } from './ping.js';
import { poll } from './poll.js';
import { RedisServer, type RedisServerOptions } from './redis-server.js';

const started: RedisServer[] = [];

async function start(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  started.push(server);
  return server;
}

async function dataFolder(server: RedisServer): Promise<string> {
  const reply = (await server.command('CONFIG', 'GET', 'dir')) as string[] | Record<string, string>;
  return (Array.isArray(reply) ? reply[1] : reply.dir) ?? '';
}

async function open(server: RedisServer): Promise<Socket> {
  const socket = connect(server.port, server.host);
  await once(socket, 'connect');
  return socket;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

describe('RedisServer', () => {
  it('takes commands once it is started, and says which server it is', async () => {
    const server = await start();

    expect(await server.command('PING')).toBe('PONG');
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
    expect(server.source).toMatch(/redis|valkey/);
  });

  it('gives every server a port of its own', async () => {
    const servers = await Promise.all([start(), start(), start()]);

    expect(new Set(servers.map(({ port }) => port)).size).toBe(3);
  });

  it('passes arguments on', async () => {
    const server = await start({ args: ['--maxmemory', '12345678'] });

    expect(Object.values((await server.command('CONFIG', 'GET', 'maxmemory')) as string[])).toContain('12345678');
  });

  it('leaves neither a listener nor a file behind when it is stopped', async () => {
    const server = await start();
    const folder = await dataFolder(server);

    await server.stop();

    expect(await answersPing(server.port)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });

  it('keeps every answered write through kill() and restart() with appendOnly', async () => {
    const server = await start({ appendOnly: true });
    await server.command('SET', 'key', 'value');

    await server.kill();
    expect(await answersPing(server.port)).toBe(false);
    await server.restart();

    expect(await server.command('GET', 'key')).toBe('value');
  });

  it('keeps nothing through kill() and restart() without appendOnly', async () => {
    const server = await start();
    await server.command('SET', 'key', 'value');

    await server.kill();
    await server.restart();

    expect(await server.command('GET', 'key')).toBeNull();
  });

  it('throws the data away with restart({ empty: true })', async () => {
    const server = await start({ appendOnly: true });
    await server.command('SET', 'key', 'value');

    await server.restart({ empty: true });

    expect(await server.command('GET', 'key')).toBeNull();
  });

  it('closes the connections when it is killed', async () => {
    const server = await start();
    const socket = await open(server);
    const closed = new Promise((resolve) => {
      socket
        .on('close', resolve)
        .on('error', () => undefined)
        .resume();
    });

    await server.kill();

    await closed;
  });

  it('answers nothing while it is paused, and everything once it goes on', async () => {
    const server = await start();
    const socket = await open(server);

    await server.pause();
    socket.write('PING\r\n');
    const reply = once(socket, 'data');
    const early = await Promise.race([reply, poll(() => false, 300)]);
    await server.resume();

    expect(early).toBe(false);
    expect(String(await reply)).toBe('+PONG\r\n');
    socket.destroy();
  });

  it('can be killed, restarted and stopped while it is paused', async () => {
    const server = await start();

    await server.pause();
    await server.kill();
    await server.restart();
    expect(await server.command('PING')).toBe('PONG');
    await server.pause();
    await server.restart();
    expect(await server.command('PING')).toBe('PONG');
    await server.pause();
    await server.stop();

    expect(await answersPing(server.port)).toBe(false);
  });

  it('says why a server does not start', async () => {
    await expect(start({ args: ['--no-such-option', 'yes'] })).rejects.toThrow(
      /did not start on port \d+.*no-such-option/s,
    );
  });

  it('says that the port is taken', async () => {
    const { port } = await start();

    await expect(start({ port })).rejects.toThrow(/did not start on port \d+.*(in use|already allocated)/s);
  });
});
