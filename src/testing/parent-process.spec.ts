import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { isFree } from './free-port.js';
import { answersPing } from './ping.js';
import { poll } from './poll.js';

const forever = 'setInterval(() => undefined, 1_000);';
const children: ChildProcess[] = [];

interface Parent {
  child: ChildProcess;
  port: number;
  folder: string;
}

/** A process that starts a server, does what `first` says, tells where the server is, then does what `afterwards` says. */
async function parent({ first = '', afterwards = '' }): Promise<Parent> {
  const script = `
    import { RedisServer } from ${JSON.stringify(new URL('redis-server.ts', import.meta.url).href)};
    const server = await RedisServer.start();
    const dir = await server.command('CONFIG', 'GET', 'dir');
    const folder = Object.values(dir).at(-1);
    ${first}
    console.log(JSON.stringify({ port: server.port, folder }));
    ${afterwards}
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, ...(JSON.parse(line.toString()) as { port: number; folder: string }) };
}

async function expectNothingLeft({ port, folder }: Parent): Promise<void> {
  expect(await poll(() => isFree(port), 10_000), 'the server ends').toBe(true);
  expect(await poll(() => !existsSync(folder), 10_000), 'its folder is removed').toBe(true);
}

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

describe('The server of a process that ends', () => {
  it.each(['SIGKILL', 'SIGINT', 'SIGTERM'] as const)('ends with it on %s', async (signal) => {
    const running = await parent({ afterwards: forever });
    expect(await answersPing(running.port, 10_000)).toBe(true);

    running.child.kill(signal);

    await expectNothingLeft(running);
  });

  it('ends with it on SIGKILL even while it is paused', async () => {
    const running = await parent({ first: 'await server.pause();', afterwards: forever });

    running.child.kill('SIGKILL');

    await expectNothingLeft(running);
  });

  it('ends with it on an exception', async () => {
    const running = await parent({
      afterwards: `process.on('uncaughtException', () => process.exit(1)); throw new Error('crash');`,
    });

    await expectNothingLeft(running);
  });

  it('does not keep it running', async () => {
    const running = await parent({});

    if (running.child.exitCode === null) {
      await once(running.child, 'exit');
    }

    expect(running.child.exitCode).toBe(0);
    await expectNothingLeft(running);
  });
});
