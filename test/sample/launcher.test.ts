import { describe, expect, it, onTestFinished } from 'vitest';
import { waitFor } from '../harness/wait-for.js';
import { Person } from './support/person.js';
import { freePorts, listenOn } from './support/ports.js';
import { stillRunning } from './support/processes.js';
import { Sample, START_DEADLINE } from './support/sample.js';

async function startSample(): Promise<Sample> {
  const sample = await Sample.start();
  onTestFinished(() => sample.stop());
  return sample;
}

/** Npm, the launcher, two nodes at least, and where it was brought, Redis. */
async function pidsOf(sample: Sample): Promise<number[]> {
  const pids = await sample.pids();
  expect(pids.length).toBeGreaterThanOrEqual(4);
  expect(await stillRunning(pids)).toEqual(pids);
  return pids;
}

const eventuallyGone = (pids: number[]): Promise<boolean> =>
  waitFor(
    async () => {
      expect(await stillRunning(pids)).toEqual([]);
      return true;
    },
    { deadline: 15_000, interval: 50, what: 'every process to end' },
  );

describe('npm start', () => {
  it(
    'ends on Ctrl-C with exit code 0 and leaves no process, also with people in the chat',
    async () => {
      const sample = await startSample();
      await Person.onTwoNodes(sample.url, 'lobby');
      const pids = await pidsOf(sample);

      const { code, output } = await sample.ctrlC();

      expect(code).toBe(0);
      // npm has ended after the launcher, and the launcher after everything else.
      expect(await stillRunning(pids)).toEqual([]);
      expect(output).toContain('Stopping …');
      expect(output).not.toMatch(/error|Starting it again/i);
    },
    START_DEADLINE,
  );

  it(
    'ends on SIGTERM, too',
    async () => {
      const sample = await startSample();
      const pids = await pidsOf(sample);
      process.kill(await sample.launcher(), 'SIGTERM');
      expect(await sample.exited).toMatchObject({ code: 0 });
      expect(await stillRunning(pids)).toEqual([]);
    },
    START_DEADLINE,
  );

  it(
    'leaves no process when the launcher is killed outright',
    async () => {
      const sample = await startSample();
      const pids = await pidsOf(sample);
      process.kill(await sample.launcher(), 'SIGKILL');
      await eventuallyGone(pids);
    },
    START_DEADLINE,
  );

  it(
    'leaves no process when npm is killed outright',
    async () => {
      const sample = await startSample();
      const pids = await pidsOf(sample);
      process.kill(pids[0] as number, 'SIGKILL');
      await eventuallyGone(pids);
    },
    START_DEADLINE,
  );

  it.each([0, 1, 2])('says in a sentence that port PORT + %d is taken', async (number) => {
    const port = await freePorts(3);
    const taken = await listenOn(port + number);
    onTestFinished(() => void taken?.close());
    const { code, output } = await Sample.fail({ PORT: String(port) });
    expect(code).toBe(1);
    expect(output).toMatch(
      new RegExp(
        `^Port ${port + number}\\b.* is taken by another program\\. End that program, or choose .* npm start$`,
        'm',
      ),
    );
    expect(output).not.toContain('    at ');
  });

  it.each([
    [{ NODES: '1' }, 'NODES must be a whole number from 2 to 8, but is "1".'],
    [{ NODES: '9' }, 'NODES must be a whole number from 2 to 8, but is "9".'],
    [{ NODES: 'two' }, 'NODES must be a whole number from 2 to 8, but is "two".'],
    [{ PORT: '65535' }, 'PORT must be a whole number from 1 to 65533, but is "65535".'],
    [{ PORT: '-1' }, 'PORT must be a whole number from 1 to 65533, but is "-1".'],
    [{ REDIS_URL: 'redis://:secret@127.0.0.1:1' }, 'Nothing answers at redis://:***@127.0.0.1:1'],
    [{ REDIS_URL: '', REDIS_SERVER: '/nowhere/redis-server' }, 'There is no Redis for the sample.'],
  ])('says in a sentence what is wrong with %j', async (env, sentence) => {
    const { code, output } = await Sample.fail(env);
    expect(code).toBe(1);
    expect(output).toContain(sentence);
    expect(output).not.toContain('    at ');
  });
});
