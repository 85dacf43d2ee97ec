import { expect } from 'vitest';
import { waitFor } from '../../harness/index.js';
import type { Node } from './nodes.js';

/** Everything that nodes do with each other, once. `far` is not the node that acts. */
export async function everyOperation(near: Node, far: Node): Promise<void> {
  const [nearClient, farClient] = [await near.connect(), await far.connect()];
  for (const { socket } of [nearClient, farClient]) socket.on('ask', (reply: (answer: string) => void) => reply('yes'));
  far.io.on('question', (reply: (answer: string) => void) => reply('far'));

  // several at once, as one transaction
  for (let i = 0; i < 20; i++) near.io.emit('number', i, Buffer.from([0xff, i]));
  const numbers = Array.from({ length: 20 }, (_, i) => [i, Buffer.from([0xff, i])]);
  expect(await nearClient.next('number', 20)).toEqual(numbers);
  expect(await farClient.next('number', 20)).toEqual(numbers);

  expect(await near.io.timeout(5_000).emitWithAck('ask')).toEqual(['yes', 'yes']);
  expect((await near.io.fetchSockets()).map(({ id }) => id).sort()).toEqual([nearClient.id, farClient.id].sort());
  expect(await near.io.serverSideEmitWithAck('question')).toEqual(['far']);

  near.io.in(farClient.id).socketsJoin('room');
  near.io.to('room').emit('to the room');
  await farClient.next('to the room');
  near.io.in('room').socketsLeave('room');
  near.io.to('room').emit('to nobody');
  near.io.to(farClient.id).emit('to one');
  await farClient.next('to one');
  expect(farClient.received('to nobody')).toEqual([]);

  near.io.in(farClient.id).disconnectSockets();
  expect(await farClient.disconnected()).toBe('io server disconnect');
  nearClient.close();
}

/** A client comes back to another node, from which Redis has what it missed, and its session is used up. */
export async function recovery(
  near: Node,
  far: Node,
  sessionIsThere: (pid: string) => Promise<boolean>,
): Promise<void> {
  const client = await far.connect();
  near.io.emit('missable', 1);
  await client.next('missable');
  const pid = client.pid!;
  await client.drop();
  await waitFor(() => sessionIsThere(pid), { what: 'the session to be in Redis' });
  near.io.emit('missable', 2);
  near.io.emit('missable', 3);
  await client.connect(near);
  expect(client.recovered).toBe(true);
  expect(await client.next('missable', 3)).toEqual([[1], [2], [3]]);
  await waitFor(async () => !(await sessionIsThere(pid)), { what: 'the session to be used up' });
  client.close();
}
