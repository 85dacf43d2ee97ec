import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { noopTelemetry, type ConnectionRole } from '../telemetry-port.js';
import type { Connection } from './connection.js';
import type { Link } from './link.js';
import { MasterFollowers } from './master-followers.js';

const READONLY = "READONLY You can't write against a read only replica.";
const UNBLOCKED = 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';
const ROLES = ['writer', 'reader', 'subscriber'] as const satisfies ConnectionRole[];

/** What the next links lead to. */
let address: string;
/** Refuses what was sent over a link, and is not answered yet. */
let refuse: Array<(message: string) => void>;
let connections: Connection[];
let lost: ConnectionRole[];

beforeEach(() => {
  address = 'one';
  refuse = [];
  lost = [];
});

afterEach(() => {
  for (const connection of connections) connection.close();
});

/** A link to a server that says nothing of itself, and answers when it is told to. */
function link(): Link {
  return {
    address,
    send: ([command]) =>
      command === 'HELLO'
        ? Promise.resolve([])
        : new Promise((_resolve, reject) => refuse.push((message) => reject(new Error(message)))),
    sendForBuffers: () => Promise.reject(new Error('Nobody asks for Buffers.')),
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    destroy: () => undefined,
  };
}

async function open(byAddress: boolean): Promise<Record<(typeof ROLES)[number], Connection>> {
  const followers = new MasterFollowers(() => Promise.resolve(link()), noopTelemetry, byAddress);
  connections = ROLES.map((role) => followers.open(role));
  for (const connection of connections) connection.on('lost', () => lost.push(connection.role));
  await ready();
  const [writer, reader, subscriber] = connections as [Connection, Connection, Connection];
  return { writer, reader, subscriber };
}

async function ready(): Promise<void> {
  await Promise.all(connections.map((connection) => connection.whenReady()));
}

describe.each([true, false])('connections that follow a master (which has one address: %s)', (byAddress) => {
  it.each([
    ['writer', 'a write is refused', READONLY],
    ['reader', 'a read that waited is ended', UNBLOCKED],
  ] as const)(
    'are all made anew, once, when one of them is told that it is none any more (%s: %s)',
    async (role, _how, message) => {
      const connection = (await open(byAddress))[role];
      const reply = connection.send(['COMMAND']);
      refuse[0]!(message);
      await expect(reply).rejects.toThrow(message);
      expect(lost.toSorted()).toEqual(['reader', 'subscriber', 'writer']);
      await ready();
      expect(lost).toHaveLength(3);
    },
  );

  it('are made anew once when several of them are told', async () => {
    const { writer, reader } = await open(byAddress);
    const replies = Promise.allSettled([reader.send(['XREAD']), writer.send(['XADD']), writer.send(['SET'])]);
    for (const message of [UNBLOCKED, READONLY, READONLY]) refuse.shift()!(message);
    await replies;
    await ready();
    expect(lost.toSorted()).toEqual(['reader', 'subscriber', 'writer']);
  });

  it.each(['OOM command not allowed', 'UNBLOCKED client unblocked via CLIENT UNBLOCK'])(
    'stay where they are when one is refused something else: %s',
    async (message) => {
      const { writer } = await open(byAddress);
      const reply = writer.send(['COMMAND']);
      refuse[0]!(message);
      await expect(reply).rejects.toThrow(message);
      expect(lost).toEqual([]);
    },
  );
});

describe('connections, one of which is made anew and finds another address,', () => {
  it('are taken along where a master has one, also by a process that has just started', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1);
    onTestFinished(() => clock.mockRestore());
    const { writer } = await open(true);
    address = 'another';
    writer.interrupt();
    await ready();
    await turn();
    await ready();
    expect(lost.toSorted()).toEqual(['reader', 'subscriber', 'writer']);
    expect(connections.map((one) => one.address)).toEqual(['another', 'another', 'another']);
  });

  it('stay where a name may lead to several', async () => {
    const { writer } = await open(false);
    address = 'another';
    writer.interrupt();
    await ready();
    await turn();
    await ready();
    expect(lost).toEqual(['writer']);
  });
});
