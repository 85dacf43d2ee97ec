import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../src/testing/free-port.js';
import { startRedis, TestClient, waitFor } from '../harness/index.js';
import { NestRelease } from '../nest/fixtures/nest-release.js';
import { findBalancer, type BalancerProgram } from './balancer-program.js';
import { snippets } from './markdown.js';

const CLIENTS = 16;

interface Balancer {
  /** What the page shows, with the addresses of these nodes, listening on this port. */
  configure(shown: string, port: number, folder: string): string;
  args(file: string, folder: string): string[];
}

const BALANCERS: Record<string, Balancer> = {
  nginx: {
    // Here, every client has the same address.
    configure: (shown, port, folder) =>
      `daemon off; pid ${folder}/pid; events {} http { access_log off; ` +
      ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder}/${of};`).join(' ') +
      shown.replace('$remote_addr', '$http_x_client').replace('listen 80', `listen 127.0.0.1:${port}`) +
      '}',
    args: (file, folder) => ['-p', folder, '-e', join(folder, 'errors'), '-c', file],
  },
  haproxy: {
    configure: (shown, port) =>
      shown
        .replace('bind :80', `bind 127.0.0.1:${port}`)
        .replace('/ready', '/health/ready')
        // a busy machine may answer a check later than the next one is due
        .replace('defaults\n', 'defaults\n  timeout check 10s\n'),
    args: (file) => ['-q', '-f', file],
  },
};

/** Starts the load balancer as the page shows it, in front of two nodes. */
async function startBalancer(
  name: string,
  { path, env }: BalancerProgram,
  nodes: readonly { url: string }[],
): Promise<string> {
  const { configure, args } = BALANCERS[name]!;
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const port = await freePort();
  const shown = nodes.reduce(
    (text, { url }, index) => text.replace(`10.0.0.${index + 1}:3000`, new URL(url).host),
    snippets('docs/operations.md', name)[0]!.code,
  );
  const file = join(folder, 'conf');
  writeFileSync(file, configure(shown, port, folder));
  const child = spawn(path, args(file, folder), { stdio: 'ignore', env });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor(async () => (await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).ok, { deadline: 15_000 });
  return url;
}

let clients = 0;

/** A client that polls, and keeps its cookie, as a browser does. */
async function connect(url: string): Promise<TestClient> {
  const client = new TestClient(url, {
    transports: ['polling'],
    withCredentials: true,
    extraHeaders: { 'x-client': String(clients++) },
    reconnection: true,
    reconnectionDelay: 50,
  });
  onTestFinished(() => client.close());
  return client.connect();
}

const programs = await Promise.all(
  Object.keys(BALANCERS).map(async (name) => ({ name, program: await findBalancer(name) })),
);

describe.each(programs)('$name, as the page on operations shows it', ({ name, program }) => {
  const missing = program instanceof Error;
  it.skipIf(missing)(
    missing
      ? `(skipped: ${program.message})`
      : 'sends a client that polls to one node, and a new one to none that stops',
    async () => {
      const redis = await startRedis();
      const start = () => NestRelease.current().start({ REDIS_URL: redis.url, DRAIN_TIMEOUT: '8000' });
      const [first, second] = await Promise.all([start(), start()]);
      const url = await startBalancer(name, program as BalancerProgram, [first, second]);
      const early: TestClient[] = [];
      for (let i = 0; i < CLIENTS; i++) early.push(await connect(url));
      const away = new Set<TestClient>();
      for (const client of early) client.socket.on('disconnect', () => away.add(client));

      for (const client of early) expect(await client.socket.emitWithAck('join', 'room')).toBe('room');
      const stopped = first.stop();
      await waitFor(async () => (await fetch(`${first.url}/health/ready`)).status === 503, {
        what: 'the stop to begin',
      });
      for (let i = 0; i < CLIENTS; i++) {
        expect(await (await connect(url)).socket.emitWithAck('join', 'room')).toBe('room');
      }
      await stopped;
      await waitFor(() => early.every(({ socket }) => socket.connected), { deadline: 20_000, what: 'all to be back' });

      // Some were on either node.
      expect(away.size).toBeGreaterThan(0);
      expect(away.size).toBeLessThan(CLIENTS);
    },
  );
});
