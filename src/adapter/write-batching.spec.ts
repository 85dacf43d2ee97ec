import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { WriteBatching, type EngineConnection } from './write-batching.js';

function connectionTo(server: EventEmitter): { connection: EngineConnection; calls: string[] } {
  const calls: string[] = [];
  const socket = { cork: () => void calls.push('cork'), uncork: () => void calls.push('uncork') };
  return { connection: { readyState: 'open', server, transport: { socket: { _socket: socket } } }, calls };
}

it('holds back packets that are written together until they are, and no single one', async () => {
  const server = new EventEmitter();
  const { connection, calls } = connectionTo(server);
  new WriteBatching().use(connection);
  server.emit('flush', connection, ['one']);
  expect(calls).toEqual([]);
  server.emit('flush', connection, ['one', 'another']);
  expect(calls).toEqual(['cork']);
  await vi.waitFor(() => expect(calls).toEqual(['cork', 'uncork']));
});

it('listens once to each of the engines of a Server that is attached to several HTTP servers', () => {
  const servers = [new EventEmitter(), new EventEmitter()];
  const batching = new WriteBatching();
  for (let i = 0; i < 6; i++) batching.use(connectionTo(servers[i % 2]!).connection);
  expect(servers.map((server) => server.listenerCount('flush'))).toEqual([1, 1]);
});
