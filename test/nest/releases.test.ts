import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startRedis, TestClient, waitFor } from '../harness/index.js';
import { NestRelease } from './fixtures/nest-release.js';
import { OLDEST, PREVIOUS } from './fixtures/releases.js';

const RELEASES: Array<[string, () => Promise<NestRelease>]> = [
  ['Nest 12', async () => Promise.resolve(NestRelease.current())],
  ['the last Nest 11', async () => NestRelease.install('nest-11-last', PREVIOUS)],
  ['the first Nest 11', async () => NestRelease.install('nest-11-first', OLDEST)],
];

async function connect(url: string, options: { namespace?: string; path?: string } = {}): Promise<TestClient> {
  const client = new TestClient(url, options);
  onTestFinished(() => client.close());
  return client.connect();
}

describe.each(RELEASES)('the built package on %s', (name, install) => {
  let release: NestRelease;

  beforeAll(async () => {
    release = await install();
  }, 300_000);

  it('makes a cluster with the release that this repository develops on', async () => {
    const redis = await startRedis();
    const env = { REDIS_URL: redis.url };
    const [a, b] = await Promise.all([release.start(env), NestRelease.current().start(env)]);
    for (const options of [{}, { namespace: '/news' }, { path: '/admin' }]) {
      const near = await connect(a.url, options);
      const far = await connect(b.url, options);
      near.socket.emit('say', 'from a');
      expect(await far.next('said')).toEqual([['from a']]);
      far.socket.emit('say', 'from b');
      expect(await near.next('said', 2)).toEqual([['from a'], ['from b']]);
      expect(await near.socket.emitWithAck('count')).toBe(2);
      expect(await far.socket.emitWithAck('count')).toBe(2);
    }
    await Promise.all([a.stop(), b.stop()]);
  });

  it.each(['false', 'true'])('saves every session when it is stopped (forceCloseConnections: %s)', async (force) => {
    const redis = await startRedis();
    const env = { REDIS_URL: redis.url, FORCE_CLOSE: force };
    const [a, b] = await Promise.all([release.start(env), release.start(env)]);
    const clients = await Promise.all(
      [{}, { namespace: '/news' }, { path: '/admin' }].map((options) => connect(a.url, options)),
    );
    for (const client of clients) {
      client.socket.emit('say', 'before');
      await client.next('said');
      expect(await client.socket.emitWithAck('join', 'room')).toBe('room');
    }
    await a.stop();
    for (const client of clients) {
      await client.disconnected();
      await client.connect(b.url);
      expect(client.recovered).toBe(true);
    }
  });

  it('tells Terminus of its health', async () => {
    const redis = await startRedis();
    const app = await release.start({ REDIS_URL: redis.url });
    const ask = async (route: string) => {
      const response = await fetch(`${app.url}/health/${route}`);
      return [response.status, ((await response.json()) as { details: { adapter: object } }).details.adapter];
    };
    expect(await ask('check')).toMatchObject([200, { status: 'up', servers: { 'path /admin': { joined: true } } }]);
    expect(await ask('ready')).toEqual([200, { status: 'up' }]);
    const reasons = [{}, {}].map(() => expect.stringContaining('its own heartbeats have not come back') as string);
    // Terminus 11 knows no third status.
    const third = name === 'Nest 12' ? { status: 'degraded' } : { status: 'up', degraded: true };
    expect(await ask('degraded')).toMatchObject([200, { ...third, reasons }]);
    await redis.kill();
    await waitFor(async () => (await ask('check'))[0] === 503, { what: 'the outage to be told' });
    expect(await ask('ready')).toEqual([200, { status: 'up' }]);
  });

  it('says at its start that there is no Redis', async () => {
    const redis = await startRedis();
    await redis.kill();
    await expect(release.start({ REDIS_URL: redis.url, READY_TIMEOUT: '200' })).rejects.toThrow(
      `Could not connect to Redis at 127.0.0.1:${redis.port} within 200 ms`,
    );
  });
});
