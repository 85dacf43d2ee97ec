import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openConnection, useProxiedRedis } from '../../../test/harness/redis-connections.js';
import { waitFor } from '../../testing/wait-for.js';
import type { RedisConnection } from '../redis/driver.js';
import { SessionStore } from './session-store.js';

const HOUR = 3_600_000;

const own = useProxiedRedis();
let connection: RedisConnection;
let store: SessionStore;
let prefix: string;

beforeEach(async () => {
  prefix = `${randomUUID()}:`;
  connection = await openConnection(own.proxy.url);
  store = new SessionStore(connection, prefix, 60_000, { onRenewal: () => undefined, onLost: () => undefined });
});

afterEach(() => {
  store.close();
  connection.close();
});

function stored(pid = 'pid'): Promise<unknown> {
  return own.redis.command('GET', prefix + pid);
}

function claimed(pid = 'pid'): Promise<unknown> {
  return own.redis.command('EXISTS', `${prefix}${pid}:claim`);
}

function claim(pid = 'pid'): Promise<boolean> {
  return store.claim(pid, randomUUID(), AbortSignal.timeout(10_000));
}

async function away(): Promise<void> {
  own.proxy.cut();
  await waitFor(() => connection.state !== 'ready');
}

describe('a session in the store', () => {
  it('is what was done to it last, whatever is done at once', async () => {
    const steps = [
      ...Array.from({ length: 50 }, (_, i) => store.save('kept', `value ${i}`, HOUR)),
      store.save('gone', 'value', HOUR),
      store.use('gone'),
      store.save('back', 'before', HOUR),
      store.discard('back'),
      store.save('back', 'after', HOUR),
    ];
    expect(store.pending).toBe(3);
    await store.settled();
    await Promise.all(steps);

    expect([await stored('kept'), await stored('gone'), await stored('back')]).toEqual(['value 49', null, 'after']);
    expect(['kept', 'gone', 'back'].some((pid) => store.isPending(pid))).toBe(false);
    expect(store.pending).toBe(0);
  });

  it('is what was done to it last when Redis refuses it for a while', async () => {
    await own.redis.command('ACL', 'SETUSER', 'default', '-set');
    const saves = Array.from({ length: 20 }, (_, i) => store.save('pid', `value ${i}`, HOUR));
    const refused = async (): Promise<number> => {
      const stats = String(await own.redis.command('INFO', 'commandstats'));
      return Number(/cmdstat_set:.*rejected_calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    await waitFor(async () => (await refused()) > 2);
    await own.redis.command('ACL', 'SETUSER', 'default', '+set');
    await Promise.all(saves);
    expect(await stored()).toBe('value 19');
  });

  it('expires', async () => {
    await store.save('pid', 'value', 50);
    await waitFor(async () => (await stored()) === null);
    await store.save('pid', 'value', HOUR);
    expect(Number(await own.redis.command('PTTL', `${prefix}pid`))).toBeGreaterThan(HOUR / 2);
  });

  it('is written when Redis is back, however many were being written, without a warning of Node.js', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', onWarning);
    own.proxy.stall();
    const saves = Array.from({ length: 20 }, (_, i) => store.save(`pid ${i}`, 'value', HOUR));
    await away();
    own.proxy.restore();
    await Promise.all(saves);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('is written when Redis is back, with what is left of its time', async () => {
    await away();
    const saved = store.save('pid', 'value', HOUR);
    expect([store.isPending('pid'), await stored()]).toEqual([true, null]);
    own.proxy.restore();
    await saved;
    expect(await stored()).toBe('value');
    expect(Number(await own.redis.command('PTTL', `${prefix}pid`))).toBeLessThan(HOUR);
  });

  it('is not written when it has expired before Redis is back, and what follows is done all the same', async () => {
    await away();
    const expired = store.save('pid', 'expired', 50);
    await expect(expired).rejects.toThrow();
    const next = store.save('pid', 'value', HOUR);
    own.proxy.restore();
    await next;
    expect(await stored()).toBe('value');
  });

  it('is given up when it has expired and Redis has refused it all the time, and what follows is done all the same', async () => {
    await own.redis.command('ACL', 'SETUSER', 'default', '-set');
    onTestFinished(async () => void (await own.redis.command('ACL', 'SETUSER', 'default', '+set')));
    const refused = store.save('pid', 'expired', 50);
    await expect(refused).rejects.toThrow(/expired before it could be written: .*NOPERM/);
    expect(connection.state).toBe('ready');
    await store.settled('pid');
    const next = store.save('pid', 'value', HOUR);
    await own.redis.command('ACL', 'SETUSER', 'default', '+set');
    await next;
    expect([await stored(), store.pending]).toEqual(['value', 0]);
  });

  it('is given up when it has expired and Redis went away while it was being written', async () => {
    own.proxy.stall();
    const refused = expect(store.save('pid', 'expired', 50)).rejects.toThrow('expired before it could be written');
    await away();
    await refused;
    expect(connection.state).not.toBe('ready');
    await store.settled('pid');
    expect(store.pending).toBe(0);
  });

  it('is not removed any more when it has expired by itself', async () => {
    const short = new SessionStore(connection, prefix, 50, { onRenewal: () => undefined, onLost: () => undefined });
    await away();
    await expect(short.discard('pid')).rejects.toThrow('The session expired');
    await expect(short.use('pid')).rejects.toThrow('The session expired');
    await short.settled();
    expect(short.pending).toBe(0);
    short.close();
  });

  it('is not written when it has expired before it is its turn', async () => {
    await store.save('pid', 'value', HOUR);
    const before = store.discard('pid');
    await expect(store.save('pid', 'expired', 0)).rejects.toThrow('expired before it could be written');
    await before;
    expect(await stored()).toBeNull();
  });

  it('is waited for only as long as it may be while Redis says nothing', async () => {
    await store.save('pid', 'value', HOUR);
    own.proxy.stall();
    const abort = new AbortController();
    const refused = expect(store.load('pid', abort.signal)).rejects.toThrow('long enough');
    abort.abort(new Error('long enough'));
    await refused;
    own.proxy.restore();
    expect(await store.load('pid', AbortSignal.timeout(10_000))).toBe('value');
  });

  it('is given up when the store is closed, and nobody waits for it any more', async () => {
    await away();
    const saved = store.save('pid', 'value', HOUR);
    const settled = store.settled();
    store.close();
    await expect(saved).rejects.toThrow('The adapter was closed.');
    await settled;
    own.proxy.restore();
    await connection.whenReady();
    expect([await stored(), store.pending]).toEqual([null, 0]);
  });
});

describe('the claim on a session', () => {
  it('is given back once the session is written again, and not before', async () => {
    await store.save('pid', 'old', HOUR);
    expect(await claim()).toBe(true);
    await store.use('pid');
    expect([await stored(), await claimed(), store.isClaimed('pid')]).toEqual([null, 1, true]);
    await store.save('pid', 'new', HOUR);
    expect([await stored(), await claimed(), store.isClaimed('pid')]).toEqual(['new', 0, false]);
  });

  it('goes with the session of a client that has left for good', async () => {
    await store.save('pid', 'value', HOUR);
    await claim();
    await store.discard('pid');
    expect([await stored(), await claimed(), store.isClaimed('pid')]).toEqual([null, 0, false]);
  });

  it('leaves the session when it is given back', async () => {
    await store.save('pid', 'value', HOUR);
    await claim();
    expect(store.holds('pid')).toBe(true);
    await store.release('pid');
    expect([await stored(), await claimed(), store.holds('pid')]).toEqual(['value', 0, false]);
  });

  it('is given back when the store retires, also one that is being made', async () => {
    expect(await claim('made')).toBe(true);
    const making = claim('being made');
    store.retire();
    await store.settled();
    expect(await making).toBe(false);
    expect([await claimed('made'), await claimed('being made'), await claim('later')]).toEqual([0, 0, false]);
    expect(await claimed('later')).toBe(0);
  });
});
