import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisServer } from '../../src/testing/index.js';
import { ROOT, snippets } from './markdown.js';

const folder = mkdtempSync(join(ROOT, '.tmp-quick-start-'));
const [quickStart] = snippets('README.md', 'ts');
let redis: RedisServer;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects once the application listens. */
async function connect(port: number): Promise<ReturnType<typeof io>> {
  const client = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    reconnectionDelay: 100,
    reconnectionDelayMax: 100,
  });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  return client;
}

it('the quick start of the README is 20 lines or fewer, and brings a message from one node to the clients of another', async () => {
  const { code } = quickStart!;
  expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(20);
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      verbatimModuleSyntax: false,
    },
  });
  const file = join(folder, 'main.mjs');
  writeFileSync(file, outputText);
  const ports = [await freePort(), await freePort()];
  for (const port of ports) {
    processes.push(fork(file, { env: { ...process.env, PORT: String(port), REDIS_URL: redis.url }, stdio: 'ignore' }));
  }
  const [near, far] = await Promise.all(ports.map(connect));
  try {
    const arrival = new Promise((resolve) => far!.once('message', resolve));
    near!.emit('message', 'hello');
    expect(await arrival).toBe('hello');
  } finally {
    near!.close();
    far!.close();
  }
});
