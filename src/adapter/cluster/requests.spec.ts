import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdapterClosedError, RequestTimeoutError } from '../errors.js';
import { Requests, type RequestSpec } from './requests.js';

interface Answer {
  values?: string[];
  fail?: string;
}

function take(data: unknown, uid: string): string[] {
  const { values = [], fail } = data as Answer;
  if (fail !== undefined) throw new RangeError(`${uid}: ${fail}`);
  return values;
}

describe('Requests', () => {
  let requests: Requests;
  let ends: Array<{ expected: number; received: number; error: unknown }>;

  beforeEach(() => {
    vi.useFakeTimers();
    requests = new Requests();
    ends = [];
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function collect(nodes: string[], foreign = 0, over: Partial<RequestSpec<string>> = {}): Promise<string[]> {
    return requests.collect('r', {
      name: 'fetchSockets()',
      nodes,
      foreign: Promise.resolve(foreign),
      timeout: 1_000,
      telemetry: {
        run: (send) => send(),
        end: (expected, received, error) => void ends.push({ expected, received, error }),
      },
      take,
      ...over,
    });
  }

  function answer(uid: string, ...values: string[]): void {
    requests.answer('r', uid, { values });
  }

  it('resolve with the answers of all nodes, once each has answered or is gone', async () => {
    const fate = fc.constantFrom('answers', 'answers twice', 'is lost');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fate, { maxLength: 6 }),
        fc.nat(2),
        fc.infiniteStream(fc.nat()),
        async (fates, foreign, choices) => {
          ends = [];
          const known = fates.map((_, i) => `n${i}`);
          const expected: string[] = [];
          const happenings: Array<() => void> = [];
          fates.forEach((one, i) => {
            const uid = known[i]!;
            if (one === 'is lost') return happenings.push(() => requests.nodeLost(uid));
            expected.push(`${uid} a`, `${uid} b`);
            return happenings.push(() => {
              answer(uid, `${uid} a`, `${uid} b`);
              if (one === 'answers twice') answer(uid, 'again');
            });
          });
          for (let i = 0; i < foreign; i++) {
            expected.push(`f${i}`);
            happenings.push(() => answer(`f${i}`, `f${i}`));
          }
          let done = false;
          const result = collect(known, foreign).finally(() => (done = true));
          await vi.advanceTimersByTimeAsync(0);
          while (happenings.length > 0) {
            expect(done).toBe(false);
            happenings.splice(choices.next().value % happenings.length, 1)[0]!();
            await vi.advanceTimersByTimeAsync(0);
          }
          expect((await result).sort()).toEqual(expected.sort());
          expect(ends).toEqual([
            { expected: known.length + foreign, received: known.length - lost(fates) + foreign, error: undefined },
          ]);
          expect(requests.size).toBe(0);
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
    );
  });

  it('wait for nobody where nobody else is', async () => {
    expect(await collect([])).toEqual([]);
    expect(requests.size).toBe(0);
  });

  it('wait for the share of the node that asks, which comes first and is not counted', async () => {
    let share: ((answer: string[]) => void) | undefined;
    const own = { uid: 'self', answer: new Promise<string[]>((resolve) => (share = resolve)) };
    const result = collect(['a'], 0, { own });
    answer('a', 'other');
    await vi.advanceTimersByTimeAsync(0);
    expect(requests.size).toBe(1);
    share!(['own']);
    expect(await result).toEqual(['own', 'other']);
    expect(ends).toEqual([{ expected: 1, received: 1, error: undefined }]);
  });

  it('that time out carry the share of the node that asks, or name it where it is missing', async () => {
    const late = collect(['a'], 0, { own: { uid: 'self', answer: Promise.resolve(['own']) } });
    const failure = expect(late).rejects.toMatchObject({
      missing: ['a'],
      responses: ['own'],
      message: expect.stringContaining('no answer from a (1 other nodes were asked)') as string,
    });
    await vi.advanceTimersByTimeAsync(1_000);
    await failure;
    const away = collect(['a'], 0, { own: { uid: 'self', answer: new Promise(() => undefined) } });
    const other = expect(away).rejects.toMatchObject({
      missing: ['self'],
      responses: ['other'],
      message: expect.stringContaining('no answer from self, which is this node, and') as string,
    });
    answer('a', 'other');
    await vi.advanceTimersByTimeAsync(1_000);
    await other;
    expect(ends.map(({ expected, received }) => [expected, received])).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect([requests.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('fail with what is wrong with the share of the node that asks', async () => {
    const own = { uid: 'self', answer: Promise.reject<string[]>(new RangeError('own')) };
    await expect(collect(['a'], 0, { own })).rejects.toThrow('own');
    expect([requests.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('take the answer of a node that nobody knew yet, and wait on for those that they know', async () => {
    const result = collect(['known']);
    answer('newcomer', 'new');
    await vi.advanceTimersByTimeAsync(0);
    expect(requests.size).toBe(1);
    answer('known', 'old');
    expect(await result).toEqual(['new', 'old']);
  });

  it('show nobody who prints the error what the others answered, secrets of handshakes among it', async () => {
    const error = collect(['quick', 'slow']).catch((reason: unknown) => reason);
    answer('quick', 'secret');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await error).toMatchObject({ responses: ['secret'] });
    expect(inspect(await error) + JSON.stringify(await error)).not.toContain('secret');
  });

  it('say who did not answer in time, and what the others answered', async () => {
    const result = collect(['quick', 'slow', 'slower'], 2);
    const failure = expect(result).rejects.toMatchObject({
      constructor: RequestTimeoutError,
      missing: ['slow', 'slower'],
      responses: ['a', 'b'],
      message:
        'fetchSockets() timed out after 1000 ms: no answer from slow, slower, 1 of @socket.io/redis-streams-adapter (5 other nodes were asked). ' +
        'What the others answered is in `responses`.',
    });
    answer('quick', 'a');
    answer('foreign', 'b');
    await vi.advanceTimersByTimeAsync(1_000);
    await failure;
    expect(ends).toEqual([{ expected: 5, received: 2, error: expect.any(RequestTimeoutError) as unknown }]);
    answer('slow', 'too late');
    expect(requests.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fail also while who asks does not wait for them yet, which harms nobody', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const result = collect(['slow']);
    await vi.advanceTimersByTimeAsync(1_000);
    vi.useRealTimers();
    // Node.js tells of those that nobody handles before the next turn
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);

    expect(unhandled).not.toHaveBeenCalled();
    await expect(result).rejects.toThrow(RequestTimeoutError);
  });

  it('fail with what an answer says is wrong', async () => {
    const result = collect(['a', 'b']);
    requests.answer('r', 'a', { fail: 'cannot be serialised' });
    await expect(result).rejects.toThrow('a: cannot be serialised');
    answer('b', 'late');
    expect(requests.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('end with an error when the adapter is closed, and so do those that come later', async () => {
    const result = collect(['a', 'b']);
    const parts: string[] = [];
    const track = (id: string): void =>
      requests.track(id, {
        onAnswer: () => undefined,
        onNodeLost: () => undefined,
        onFailed: () => undefined,
        onClosed: () => {
          parts.push(id);
          requests.close(id);
        },
      });
    track('t');
    answer('a', 'one');
    requests.closeAll();
    await expect(result).rejects.toThrow(AdapterClosedError);
    await expect(result).rejects.toThrow('fetchSockets() was given up: the adapter was closed.');
    await expect(requests.collect('later', spec(['a']))).rejects.toThrow(AdapterClosedError);
    track('u');
    answer('b', 'late');
    expect(parts).toEqual(['t', 'u']);
    expect(ends).toEqual([{ expected: 2, received: 1, error: expect.any(AdapterClosedError) as Error }]);
    expect([requests.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('do not mix answers up', async () => {
    const one = requests.collect('1', spec(['a']));
    const other = requests.collect('2', spec(['a']));
    requests.answer('2', 'a', { values: ['second'] });
    requests.answer('1', 'a', { values: ['first'] });
    requests.answer('3', 'a', { values: ['nobody asked'] });
    expect(await Promise.all([one, other])).toEqual([['first'], ['second']]);
  });

  it('leave those of several parts to who asked', () => {
    const seen: string[] = [];
    requests.track('t', {
      onAnswer: (uid, data) => seen.push(`${uid} ${String(data)}`),
      onNodeLost: (uid) => seen.push(`${uid} lost`),
      onFailed: () => seen.push('failed'),
      onClosed: () => seen.push('closed'),
    });
    requests.answer('t', 'a', 1);
    requests.answer('t', 'a', 2);
    requests.nodeLost('b');
    expect(requests.size).toBe(1);
    requests.close('t');
    requests.answer('t', 'a', 3);
    requests.nodeLost('c');
    expect(seen).toEqual(['a 1', 'a 2', 'b lost']);
    expect(requests.size).toBe(0);
  });

  it('have ids that nobody can guess or has used', () => {
    const ids = Array.from({ length: 1_000 }, () => requests.newId());
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  });
});

function lost(fates: string[]): number {
  return fates.filter((one) => one === 'is lost').length;
}

function spec(nodes: string[]): RequestSpec<string> {
  return { name: 'it', nodes, foreign: Promise.resolve(0), timeout: 1_000, telemetry: undefined, take };
}
