import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Server } from 'socket.io';
import { expect, it, onTestFinished } from 'vitest';
import { TestClient } from './test-client.js';

it('a client that loses its connection before it is let in says so', async () => {
  const httpServer = createServer();
  const io = new Server(httpServer);
  onTestFinished(() => io.close());
  io.use((socket) => socket.conn.close());
  httpServer.listen(0, '127.0.0.1');
  await once(httpServer, 'listening');
  const client = new TestClient(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`);
  onTestFinished(() => client.close());

  await expect(client.connect()).rejects.toThrow(
    'The client lost its connection before it was let in: transport close',
  );
});
