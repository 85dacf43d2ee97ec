import { randomUUID } from 'node:crypto';
import { setImmediate as immediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AdapterClosedError } from '../../src/adapter/errors.js';
import { createDriver } from '../../src/adapter/redis/create-driver.js';
import type { RedisConnection, RedisDriver } from '../../src/adapter/redis/driver.js';
import { noopTelemetry, type ConnectionRole } from '../../src/adapter/telemetry-port.js';
import type { RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import type { Family, Given, Wish } from './support/families.js';

/** Every byte there is, which as text would be another. */
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

export interface ConformanceOptions {
  family: Family;
  /** Every server of the topology that clients are connected to. */
  servers: () => readonly RedisServer[];
  wish?: () => Omit<Wish, 'name'>;
}

/** What the adapter relies on, whatever client it is given. */
export function conformance({ family, servers, wish = () => ({}) }: ConformanceOptions): void {
  describe(family.name, () => {
    const name = `conformance-${randomUUID().slice(0, 8)}`;
    let given: Given;
    let driver: RedisDriver;
    let sharded: RedisDriver;
    const connections: RedisConnection[] = [];

    beforeAll(async () => {
      family.before?.();
      given = await family.create({ name, ...wish() });
      const settings = { channelPrefix: name, telemetry: noopTelemetry };
      driver = createDriver(given.client, { ...settings, useShardedPubSub: false });
      sharded = createDriver(given.client, { ...settings, useShardedPubSub: true });
    });
    afterEach(() => {
      for (const connection of connections.splice(0)) connection.close();
    });
    afterAll(async () => {
      await given.close();
      family.after?.();
    });

    function open(role: ConnectionRole = 'writer', from = driver): RedisConnection {
      const connection = from.open(role);
      connections.push(connection);
      return connection;
    }

    async function opened(role?: ConnectionRole, from?: RedisDriver): Promise<RedisConnection> {
      const connection = open(role, from);
      await connection.whenReady(AbortSignal.timeout(10_000));
      return connection;
    }

    /** One that leads to a key, as those of streams do. */
    async function openedFor(key: string, role?: ConnectionRole): Promise<RedisConnection> {
      const connection = open(role).forKey(key);
      await connection.whenReady(AbortSignal.timeout(10_000));
      return connection;
    }

    function newKey(): string {
      return `${name}:${randomUUID()}`;
    }

    /** Ends the connections of the adapter from the side of the servers, as an outage does. */
    async function cut(type: 'normal' | 'pubsub'): Promise<void> {
      for (const server of servers()) {
        const list = String(await server.command('CLIENT', 'LIST', 'TYPE', type));
        const ids = list
          .split('\n')
          .flatMap((line) => (line.includes(`name=${name} `) ? [/id=(\d+)/.exec(line)![1]!] : []));
        for (const id of ids) await server.command('CLIENT', 'KILL', 'ID', id);
      }
    }

    /** Those of this name, by where they come from. */
    async function connected(): Promise<string[]> {
      const lists = await Promise.all(servers().map((server) => server.command('CLIENT', 'LIST')));
      const own = lists.join('\n').matchAll(new RegExp(` addr=(\\S+) .* name=${name} `, 'g'));
      return [...own].map(([, address]) => address!);
    }

    it('connects by itself, says so once, and takes nothing before', async () => {
      const connection = open('reader');
      let ready = 0;
      connection.on('ready', () => ready++);
      expect(connection).toMatchObject({ role: 'reader', state: 'connecting' });
      await expect(connection.send(['GET', 'early'])).rejects.toThrow();
      await connection.whenReady(AbortSignal.timeout(10_000));
      await connection.whenReady();
      expect(connection).toMatchObject({ state: 'ready', lastError: undefined });
      expect(ready).toBe(1);
      expect(await connection.send(['GET', 'early'])).toBe(null);
    });

    it('gives text where text is wanted, and bytes as they are where bytes are', async () => {
      const connection = await opened();
      const key = newKey();
      expect(await connection.send(['SET', key, BYTES])).toBe('OK');
      expect(await connection.sendForBuffers(['GET', key])).toEqual(BYTES);
      expect(await connection.send(['DEL', key])).toBe(1);
      await connection.send(['XADD', key, '1-1', 'field', BYTES]);
      await connection.send(['XADD', key, '1-2', 'field', 'text']);
      expect(await connection.send(['XRANGE', key, '1-2', '+'])).toEqual([['1-2', ['field', 'text']]]);
      expect(await connection.sendForBuffers(['XREAD', 'COUNT', '1', 'STREAMS', key, '0'])).toEqual([
        [Buffer.from(key), [[Buffer.from('1-1'), [Buffer.from('field'), BYTES]]]],
      ]);
      await expect(connection.send(['GET', key])).rejects.toThrow(/^WRONGTYPE/);
    });

    it('takes many commands at once', async () => {
      const key = newKey();
      const connection = await openedFor(key);
      const replies = await Promise.all(
        Array.from({ length: 500 }, () => connection.send(['XADD', key, '*', 'a', 'b'])),
      );
      expect(new Set(replies).size).toBe(500);
    });

    it('waits as long as XREAD does, whatever time-outs the client given has', async () => {
      const key = newKey();
      const connection = await openedFor(key, 'reader');
      let lost = 0;
      connection.on('lost', () => lost++);
      expect(await connection.sendForBuffers(['XREAD', 'BLOCK', '400', 'STREAMS', key, '0'])).toBe(null);
      expect(lost).toBe(0);
    });

    it('does the commands of a transaction next to each other', async () => {
      const key = newKey();
      const [one, other] = [await openedFor(key), await openedFor(key)];
      const add = (text: string): string[][] => Array.from({ length: 50 }, () => ['XADD', key, '*', 'a', text]);
      const replies = await Promise.all([one.transaction(add('x')), other.transaction(add('y'))]);
      expect(replies.map(({ length }) => length)).toEqual([50, 50]);
      const entries = (await one.send(['XRANGE', key, '-', '+'])) as Array<[string, [string, string]]>;
      expect(entries.map(([, [, text]]) => text).join('')).toMatch(/^(x{50}y{50}|y{50}x{50})$/);
      expect((replies[0] as string[]).every((id) => entries.some(([other]) => other === id))).toBe(true);
    });

    it('does nothing of a transaction in which something is malformed, and tells of what failed in one', async () => {
      const key = newKey();
      const connection = await openedFor(key);
      const add = ['XADD', key, '*', 'a', 'b'];
      await expect(connection.transaction([add, ['XADD', key, '*']])).rejects.toThrow(/wrong number of arguments/);
      expect(await connection.send(['XRANGE', key, '-', '+'])).toEqual([]);
      await expect(connection.transaction([add, ['GET', key]])).rejects.toThrow(/WRONGTYPE/);
      expect(await connection.transaction([add, add])).toHaveLength(2);
    });

    it('drops a read that waits when it is interrupted, and comes back', async () => {
      const key = newKey();
      const connection = await openedFor(key, 'reader');
      const events: string[] = [];
      connection.on('ready', () => events.push('ready'));
      connection.on('lost', () => events.push('lost'));
      const read = ['XREAD', 'BLOCK', '0', 'STREAMS', key, '0'];
      const blocked = connection.sendForBuffers(read);
      connection.interrupt();
      expect(connection.state).toBe('reconnecting');
      await expect(blocked).rejects.toThrow();
      await connection.whenReady(AbortSignal.timeout(10_000));
      expect(events).toEqual(['lost', 'ready']);
      const again = connection.sendForBuffers(read);
      await (await openedFor(key)).send(['XADD', key, '*', 'a', 'b']);
      expect(await again).toHaveLength(1);
    });

    it('says that it was lost, rejects what was under way, and comes back', async () => {
      const key = newKey();
      const connection = await openedFor(key, 'reader');
      const events: string[] = [];
      connection.on('ready', () => events.push('ready'));
      connection.on('lost', (error) => events.push(error instanceof Error ? 'lost' : 'lost without an error'));
      const blocked = connection.sendForBuffers(['XREAD', 'BLOCK', '0', 'STREAMS', key, '0']);
      blocked.catch(() => undefined);
      await cut('normal');
      await expect(blocked).rejects.toThrow();
      await waitFor(() => events.length === 2, { what: 'the connection to be lost and ready again' });
      expect(events).toEqual(['lost', 'ready']);
      expect(await connection.send(['XRANGE', key, '-', '+'])).toEqual([]);
    });

    it('closes for good, and leaves the client given as it is', async () => {
      const key = newKey();
      const before = new Set(await connected());
      const [writer, whole, subscriber] = [await opened(), await opened('reader'), await opened('subscriber')];
      const reader = whole.forKey(key);
      await reader.whenReady();
      await subscriber.subscribe(`${name}#a`, () => undefined);
      const added = new Set((await connected()).filter((address) => !before.has(address)));
      expect(added.size).toBeGreaterThan(1);
      let lost = 0;
      for (const connection of [writer, whole, reader, subscriber]) connection.on('lost', () => lost++);
      const blocked = reader.send(['XREAD', 'BLOCK', '0', 'STREAMS', key, '0']);
      for (const connection of [writer, whole, subscriber]) connection.close();
      whole.close();
      whole.interrupt();
      await expect(blocked).rejects.toThrow();
      expect([writer, whole, reader, subscriber].map(({ state }) => state)).toEqual(Array(4).fill('closed'));
      await expect(writer.send(['GET', key])).rejects.toThrow();
      await expect(reader.whenReady()).rejects.toThrow(AdapterClosedError);
      await waitFor(async () => (await connected()).every((address) => !added.has(address)), {
        what: 'the connections to be gone',
      });
      expect(lost).toBe(0);
      expect(given.untouched()).toBe(true);
    });

    it('leaves nothing behind when it is closed while it connects', async () => {
      const before = new Set(await connected());
      for (let turns = 0; turns < 20; turns++) {
        const connection = open();
        for (let turn = 0; turn < turns; turn++) await immediate();
        connection.close();
      }
      // what was about to connect is there by now
      await opened();
      const [last] = connections.splice(-1);
      last!.close();
      await waitFor(async () => (await connected()).every((address) => before.has(address)), {
        what: 'the connections to be gone',
      });
    });

    it('rejects those who wait for it when it is closed, or when they have waited long enough', async () => {
      const connection = open('reader');
      const part = connection.forKey(newKey());
      await expect(part.whenReady(AbortSignal.abort(new Error('no patience')))).rejects.toThrow('no patience');
      const waiting = part.whenReady();
      connection.close();
      await expect(waiting).rejects.toThrow(AdapterClosedError);
    });

    describe.each([
      ['PUB/SUB', () => driver, 'PUBLISH'],
      ['sharded PUB/SUB', () => sharded, 'SPUBLISH'],
    ])('%s', (_title, from, publish) => {
      let publisher: RedisConnection;
      let received: Buffer[];
      const listener = (payload: Buffer): void => void received.push(payload);

      /** A channel, and how to publish there; resolves with how many received it. */
      async function newChannel(): Promise<{ channel: string; send: (payload: Buffer | string) => Promise<number> }> {
        received = [];
        publisher = await opened('writer', from());
        const channel = `${name}#${randomUUID()}#`;
        return { channel, send: async (payload) => Number(await publisher.send([publish, channel, payload])) };
      }

      it('brings the bytes of each message once, also where it is asked for early, or twice', async () => {
        const { channel, send } = await newChannel();
        const subscriber = open('subscriber', from());
        await Promise.all([
          subscriber.subscribe(channel, listener),
          subscriber.subscribe(channel, (it) => listener(it)),
        ]);
        await subscriber.subscribe(channel, (it) => listener(it));
        expect(await send(BYTES)).toBe(1);
        await send('end');
        await waitFor(() => received.at(-1)?.toString() === 'end', { what: 'the last message' });
        expect(received).toEqual([BYTES, Buffer.from('end')]);
      });

      it('tells how many listen, on many channels at once', async () => {
        const { channel, send } = await newChannel();
        const [one, other] = [await opened('subscriber', from()), await opened('subscriber', from())];
        const others = Array.from({ length: 10 }, (_, index) => `${name}#${index}#`);
        for (const each of [channel, ...others]) await one.subscribe(each, listener);
        await other.subscribe(channel, listener);
        expect(await send('all')).toBe(2);
        const command = publish === 'PUBLISH' ? 'NUMSUB' : 'SHARDNUMSUB';
        expect(await publisher.send(['PUBSUB', command, channel, others[3]!, 'nobody'])).toEqual([
          channel,
          2,
          others[3],
          1,
          'nobody',
          0,
        ]);
      });

      it('goes on after the connection was cut, and was interrupted, from when it is ready', async () => {
        const { channel, send } = await newChannel();
        const subscriber = await opened('subscriber', from());
        await subscriber.subscribe(channel, listener);
        let lost = 0;
        subscriber.on('lost', () => lost++);
        await cut('pubsub');
        await waitFor(() => lost === 1, { what: 'the loss' });
        await subscriber.whenReady(AbortSignal.timeout(10_000));
        expect(await send('after the cut')).toBe(1);
        await waitFor(() => received.length === 1, { what: 'the first message' });
        subscriber.interrupt();
        await subscriber.whenReady(AbortSignal.timeout(10_000));
        expect(await send('after the interruption')).toBe(1);
        await waitFor(() => received.length === 2, { what: 'the second message' });
        expect(received.map(String)).toEqual(['after the cut', 'after the interruption']);
      });

      it('ends when it is given up, also while the connection is away', async () => {
        const { channel, send } = await newChannel();
        const subscriber = await opened('subscriber', from());
        await subscriber.subscribe(channel, listener);
        await subscriber.subscribe(`${channel}b`, listener);
        await subscriber.unsubscribe(channel);
        expect(await send('nobody')).toBe(0);
        await subscriber.subscribe(channel, listener);
        expect(await send('somebody')).toBe(1);
        await waitFor(() => received.length === 1, { what: 'the message' });
        await Promise.all([subscriber.unsubscribe(channel), subscriber.subscribe(channel, listener)]);
        expect(await send('somebody again')).toBe(1);
        await waitFor(() => received.length === 2, { what: 'the second message' });
        subscriber.interrupt();
        await subscriber.unsubscribe(channel);
        await subscriber.whenReady(AbortSignal.timeout(10_000));
        await subscriber.subscribe(`${channel}c`, listener);
        expect(await send('nobody')).toBe(0);
      });
    });
  });
}
