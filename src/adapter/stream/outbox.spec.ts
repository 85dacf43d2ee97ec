import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdapterClosedError, MessageTooLargeError, OutboxFullError } from '../errors.js';
import { PartialTransactionError, type RedisArgument, type RedisConnection } from '../redis/driver.js';
import { noopTelemetry, type PublishTelemetry, type TelemetryPort } from '../telemetry-port.js';
import { readEntry } from '../wire/entry.js';
import { Deduplicator } from './deduplicator.js';
import { Outbox, type OutboxOptions } from './outbox.js';

/**
 * What becomes of something that is sent:
 *
 * - `done`: it takes effect, and the reply comes;
 * - `refused`: Redis answers with an error, and the connection stays;
 * - `lost before`: the connection is lost before Redis got it;
 * - `lost after`: it takes effect, and the connection is lost before the reply;
 * - `late`: the connection is lost, and Redis comes to it only after the next thing that is sent.
 */
type Fate = 'done' | 'refused' | 'lost before' | 'lost after' | 'late';

/** A message in the stream. */
interface Added {
  id: string;
  seq: number;
  name: string;
}

/** A connection to a Redis that holds one stream. Replies take a moment. */
class FlakyConnection implements RedisConnection {
  readonly role = 'writer';
  readonly lastError = undefined;
  state: RedisConnection['state'] = 'ready';
  readonly entries: Added[][] = [];
  /** By what each entry had the stream trimmed. */
  readonly trimmed: string[] = [];
  /** Time of the last id. */
  clock = 0;
  /** Of each thing that was sent: how many messages each of its entries holds. */
  readonly sent: number[][] = [];
  fates: Fate[] = [];
  /** Longest string that Redis takes. What holds a longer one is refused, and the connection closed. */
  limit = Number.POSITIVE_INFINITY;
  /** Redis refuses a transaction for its size as soon as it is sent. Or it carries it out, but for what is too large. */
  atOnce = true;
  readonly #events = new EventEmitter();
  #late: Array<() => void> = [];

  /** All messages in the stream. */
  get stream(): Added[] {
    return this.entries.flat();
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#exchange([args]).then(([reply]) => reply);
  }

  transaction(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<unknown[]> {
    return this.#exchange(commands);
  }

  lose(): void {
    this.state = 'reconnecting';
  }

  restore(): void {
    this.state = 'ready';
    this.#events.emit('ready');
  }

  on(event: string, listener: (error?: Error) => void): void {
    this.#events.on(event, listener);
  }

  sendForBuffers = unexpected;
  subscribe = unexpected;
  unsubscribe = unexpected;
  whenReady = unexpected;
  interrupt = unexpected;
  close = (): void => undefined;
  forKey = (): this => this;

  async #exchange(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<string[]> {
    if (this.state !== 'ready') throw new Error('not connected');
    this.sent.push(commands.map((command) => entryOf(command).messages.length));
    if (!this.atOnce) return this.#carryOut(commands);
    const fate = this.fates.shift() ?? 'done';
    const missedSoFar = this.#late.splice(0);
    const tooLarge = commands.flat().some(({ length }) => length > this.limit);
    const take = (): string[] => (tooLarge ? [] : commands.map((command) => this.#add(command)));
    let ids: string[] = [];
    if (fate === 'done' || fate === 'lost after') ids = take();
    if (fate === 'late') this.#late.push(take);
    for (const late of missedSoFar) late();
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (fate === 'refused') throw new Error('OOM command not allowed');
    if (fate !== 'done' || tooLarge) this.lose();
    if (fate === 'done' && tooLarge) throw new Error('ERR Protocol error: invalid bulk length');
    if (this.state !== 'ready') throw new Error('the connection was lost');
    return ids;
  }

  /** As far as it is not too large. */
  async #carryOut(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<string[]> {
    const ids = commands.map((command) =>
      command.some(({ length }) => length > this.limit) ? undefined : this.#add(command),
    );
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (!ids.includes(undefined)) return ids as string[];
    const refusal = new Error('ERR Elements are too large to be stored');
    throw commands.length > 1 ? new PartialTransactionError(refusal) : refusal;
  }

  #add(command: readonly RedisArgument[]): string {
    expect([command[0], command[1], command[3], command[5]]).toEqual(['XADD', 'stream', '~', '*']);
    this.trimmed.push(`${String(command[2])} ${String(command[4])}`);
    const id = `${(this.clock += 1)}-0`;
    const { seq, messages } = entryOf(command, id);
    this.entries.push(
      messages.map((message, index) => ({
        id: message.id,
        seq: seq! + index,
        name: message.data.toString().replace(/x+$/, ''),
      })),
    );
    return id;
  }
}

function entryOf(command: readonly RedisArgument[], id = '0-1'): NonNullable<ReturnType<typeof readEntry>> {
  const fields = command.slice(6).map((field) => Buffer.from(field));
  return readEntry('stream', id, fields)!;
}

function unexpected(): never {
  throw new Error('The outbox has no business with this.');
}

describe('Outbox', () => {
  let connection: FlakyConnection;
  let settled: Array<{ message: string; id: string | undefined; error: Error | undefined }>;
  let published: Array<Omit<Added, 'name'>>;
  let overflows: string[];
  let tooLarge: string[];
  let refusals: string[];

  beforeEach(() => {
    vi.useFakeTimers();
    reset();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function reset(): void {
    connection = new FlakyConnection();
    settled = [];
    published = [];
    overflows = [];
    tooLarge = [];
    refusals = [];
  }

  function newOutbox(given: Partial<OutboxOptions> = {}, telemetry = noopTelemetry): Outbox {
    const limits = { maxLen: 1_000, outboxMaxLen: 1_000, outboxMaxBytes: 1_000_000 };
    const options = { stream: 'stream', uid: 'outbox', publisher: 'outbox', interop: false, ...limits, ...given };
    return new Outbox(connection, options, telemetry, {
      onPublished: (seq, id) => published.push({ seq, id }),
      onOverflow: (limit) => overflows.push(limit),
      onTooLarge: (reason) => tooLarge.push(reason),
      onRefused: (reason) => refusals.push(reason),
    });
  }

  function add(
    outbox: Outbox,
    message: string,
    bytes = 10,
    publication: PublishTelemetry = noopTelemetry.publish(PUBLISHED),
  ): void {
    const data = message.padEnd(bytes, 'x');
    const outgoing = { namespace: '/', type: 3, data, optionsLength: 0, requestId: undefined, carrier: undefined };
    outbox.add(outgoing, publication, (error, id) => settled.push({ message, error, id }));
  }

  /** Lets everything happen that is going to happen by itself. */
  async function passTime(ms = 5_000): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  /** What a reader takes for new, who is given whole entries, and how many messages it takes for lost. */
  function readAll(): { passed: Added[]; missed: number } {
    const reader = new Deduplicator();
    const passed: Added[] = [];
    let missed = 0;
    for (const entry of connection.entries) {
      const arrival = reader.arrive('outbox', entry[0]!.seq, entry.length);
      if (arrival.duplicate) continue;
      missed += arrival.missed;
      passed.push(...entry);
    }
    return { passed, missed };
  }

  it('adds everything once and in order, as far as a reader can tell, whatever the connection does', async () => {
    const fate = fc.constantFrom<Fate>('done', 'done', 'refused', 'lost before', 'lost after', 'late');
    const step = fc.oneof(
      fc.record({
        type: fc.constant('add' as const),
        count: fc.constantFrom(1, 2, 200),
        bytes: fc.constantFrom(10, 30_000),
      }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.nat(60) }),
      fc.constant({ type: 'lose' as const }),
      fc.constant({ type: 'restore' as const }),
      // Another Redis takes over, which takes no two of the larger messages in one entry, or does again. What may have arrived as one
      // entry goes on one by one then.
      fc.record({ type: fc.constant('limit' as const), limit: fc.constantFrom(40_000, Number.POSITIVE_INFINITY) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 20 }),
        fc.array(fate, { maxLength: 20 }),
        fc.boolean(),
        async (steps, fates, interop) => {
          reset();
          connection.fates = [...fates];
          const outbox = newOutbox({ outboxMaxLen: 1_000_000, outboxMaxBytes: 1_000_000_000, interop });
          outbox.start();
          let count = 0;
          for (const one of steps) {
            if (one.type === 'add') for (let i = 0; i < one.count; i++) add(outbox, `message ${++count}`, one.bytes);
            else if (one.type === 'wait') await passTime(one.ms);
            else if (one.type === 'limit') connection.limit = one.limit;
            else connection[one.type]();
          }
          const drained = outbox.drained();
          // each fate costs one attempt at most, and so does each entry that is too large, once it is sent alone
          for (let attempts = fates.length + count + 2; attempts > 0 && outbox.size > 0; attempts--) {
            connection.restore();
            await passTime(2_500);
          }
          expect(outbox.size).toBe(0);
          await drained;

          const { passed, missed } = readAll();
          const expected = Array.from({ length: count }, (_, i) => i + 1);
          expect(passed.map(({ seq }) => seq)).toEqual(expected);
          expect(passed.map(({ name }) => name)).toEqual(expected.map((seq) => `message ${seq}`));
          expect([missed, tooLarge]).toEqual([0, []]);
          expect(settled.map(({ message }) => message)).toEqual(expected.map((seq) => `message ${seq}`));
          const seqOf = new Map(connection.stream.map(({ id, seq }) => [id, seq]));
          expect(settled.map(({ id }) => seqOf.get(id!))).toEqual(expected);
          // of each entry the last message, and its id
          expect(published.map(({ id }) => seqOf.get(id))).toEqual(published.map(({ seq }) => seq));
          expect(published.map(({ seq }) => seq)).toEqual(published.map(({ seq }) => seq).toSorted((a, b) => a - b));
          expect(outbox).toMatchObject({ size: 0, last: { seq: count, id: published.at(-1)?.id } });
          if (interop) expect(published.map(({ seq }) => seq)).toEqual(expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('sends what is added in one turn in one go, and what collects meanwhile in the next', async () => {
    const outbox = newOutbox();
    outbox.start();
    for (let i = 0; i < 3; i++) add(outbox, 'first');
    await passTime(0);
    for (let i = 0; i < 5; i++) add(outbox, 'second');
    await passTime();
    expect(connection.sent).toEqual([[3], [5]]);
    expect(settled.map(({ id }) => id)).toEqual(['1-0.0', '1-0.1', '1-0', '2-0.0', '2-0.1', '2-0.2', '2-0.3', '2-0']);
  });

  it('puts no more than 128 messages in an entry, and of larger ones what fits in 64 KiB', async () => {
    const outbox = newOutbox({ outboxMaxBytes: 100_000_000 });
    outbox.start();
    for (let i = 0; i < 300; i++) add(outbox, 'small');
    await passTime();
    for (let i = 0; i < 5; i++) add(outbox, 'larger', 30_000);
    add(outbox, 'beyond', 100_000);
    add(outbox, 'small');
    await passTime();
    expect(connection.sent).toEqual([
      [128, 128, 44],
      [2, 2, 1, 1, 1],
    ]);
  });

  it('sends no more than about a quarter of a mebibyte in one go', async () => {
    const outbox = newOutbox({ outboxMaxBytes: 100_000_000 });
    outbox.start();
    for (let i = 0; i < 3; i++) add(outbox, 'large', 150_000);
    await passTime();
    expect(connection.sent).toEqual([[1, 1], [1]]);
  });

  it('gives every message an entry of its own where nodes of the peer package read them, at most 128 in one go', async () => {
    const outbox = newOutbox({ interop: true });
    outbox.start();
    for (let i = 0; i < 130; i++) add(outbox, 'message');
    await passTime();
    expect(connection.sent.map((entries) => entries.length)).toEqual([128, 2]);
    expect(connection.sent.flat().every((messages) => messages === 1)).toBe(true);
  });

  it('sends nothing before it is started', async () => {
    const outbox = newOutbox();
    add(outbox, 'early');
    connection.restore();
    await passTime();
    expect(outbox).toMatchObject({ size: 1, deferring: true });
    outbox.start();
    await passTime();
    expect(connection.stream).toHaveLength(1);
    expect(outbox.deferring).toBe(false);
  });

  it('trims by length', async () => {
    const outbox = newOutbox({ maxLen: 500 });
    outbox.start();
    for (let i = 0; i < 2; i++) {
      add(outbox, 'message');
      await passTime();
    }
    expect(connection.trimmed).toEqual(['MAXLEN 500', 'MAXLEN 500']);
  });

  it('trims by what more than enough messages are known to stand behind, and by length, in turn', async () => {
    const outbox = newOutbox({ maxLen: 500 });
    outbox.start();
    for (let entry = 1; entry <= 10; entry++) outbox.passed(`${entry}-0`, 100);
    for (let i = 0; i < 4; i++) {
      add(outbox, 'message');
      await passTime();
    }
    // behind the fifth there are five hundred
    expect(connection.trimmed).toEqual(['MAXLEN 500', 'MINID 5-0', 'MAXLEN 500', 'MINID 5-0']);
  });

  it('trims by age, as the ids tell it, from the first reply on', async () => {
    const outbox = newOutbox({ maxLen: undefined, maxAge: 100 });
    outbox.start();
    for (const time of [1_000, 2_000, 3_000]) {
      connection.clock = time;
      add(outbox, 'message');
      await passTime();
    }
    expect(connection.trimmed).toEqual(['MINID 0-0', 'MINID 901-0', 'MINID 1901-0']);
  });

  it('trims by what it knows when a message is sent, which may have waited, and by nothing that another Redis has said', async () => {
    const outbox = newOutbox({ maxLen: undefined, maxAge: 100 });
    outbox.start();
    connection.clock = 1_000_000;
    add(outbox, 'message');
    await passTime();
    add(outbox, 'waits');
    connection.lose();
    await passTime();
    // the clock of the one that took over is behind
    connection.clock = 5_000;
    connection.restore();
    await passTime();
    add(outbox, 'message');
    await passTime();
    expect(connection.trimmed).toEqual(['MINID 0-0', 'MINID 0-0', 'MINID 4901-0']);
  });

  it('trims by length and by age in turn, where both are given', async () => {
    const outbox = newOutbox({ maxLen: 500, maxAge: 100 });
    outbox.start();
    connection.clock = 1_000;
    for (let i = 0; i < 4; i++) {
      add(outbox, 'message');
      await passTime();
    }
    expect(connection.trimmed).toEqual(['MAXLEN 500', 'MINID 901-0', 'MAXLEN 500', 'MINID 903-0']);
  });

  it('asks ever more slowly while Redis refuses', async () => {
    const outbox = newOutbox();
    outbox.start();
    connection.fates = Array.from({ length: 1_000 }, () => 'refused' as const);
    add(outbox, 'refused');
    await passTime(60_000);
    expect(connection.sent.length).toBeGreaterThan(30);
    expect(connection.sent.length).toBeLessThan(75);
    connection.fates = [];
    await passTime();
    expect(settled).toEqual([{ message: 'refused', error: undefined, id: '1-0' }]);
  });

  it('tells why Redis refuses, and takes a lost connection for no refusal', async () => {
    const outbox = newOutbox();
    outbox.start();
    connection.fates = ['refused', 'refused', 'lost after'];
    add(outbox, 'message');
    await passTime();
    connection.restore();
    await passTime();
    expect(settled.map(({ id }) => id)).toEqual(['2-0']);
    expect(refusals).toEqual(['OOM command not allowed', 'OOM command not allowed']);
  });

  it('refuses what has no room, numbers it not, and says what to do', async () => {
    const outbox = newOutbox({ outboxMaxLen: 3, outboxMaxBytes: 1_024 });
    outbox.start();
    connection.lose();
    for (const message of ['a', 'b', 'c', 'too many']) add(outbox, message);
    expect(overflows).toEqual(['outboxMaxLen']);
    expect(settled).toHaveLength(1);
    expect(settled[0]!.error).toBeInstanceOf(OutboxFullError);
    expect(settled[0]!.error).toMatchObject({
      limit: 'outboxMaxLen',
      message:
        "Cannot publish to stream 'stream': the outbox is full (`outboxMaxLen` is 3, 3 messages wait). " +
        'Make sure that Redis can be reached, or raise the limit.',
    });
    connection.restore();
    await passTime();
    add(outbox, 'd', 700);
    add(outbox, 'too much', 100);
    expect(overflows).toEqual(['outboxMaxLen', 'outboxMaxBytes']);
    await passTime();
    add(outbox, 'e', 700);
    await passTime();
    expect(connection.stream.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it('tells all who wait that it was closed, also those whose messages are under way', async () => {
    const outbox = newOutbox();
    outbox.start();
    const outcomes: string[] = [];
    const publication: PublishTelemetry = {
      carrier: undefined,
      accepted: () => undefined,
      published: () => void outcomes.push('published'),
      failed: () => void outcomes.push('failed'),
    };
    add(outbox, 'under way', 10, publication);
    await passTime(0);
    add(outbox, 'waiting', 10, publication);
    const drained = outbox.drained();
    outbox.close();
    add(outbox, 'late', 10, publication);
    await drained;
    await passTime();
    expect(settled.map(({ message, error }) => [message, error instanceof AdapterClosedError])).toEqual([
      ['under way', true],
      ['waiting', true],
      ['late', true],
    ]);
    expect(outcomes).toEqual(['failed', 'failed', 'failed']);
    expect(published).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  describe('gives up what is larger than Redis takes', () => {
    const LARGE = 100_000;
    const ERROR = 'ERR Protocol error: invalid bulk length';

    beforeEach(() => {
      connection.limit = 90_000;
    });

    /** Lets it go on until there is nothing left, with a connection that comes back each time. */
    async function finish(outbox: Outbox): Promise<void> {
      for (let attempts = 100; attempts > 0 && outbox.size > 0; attempts--) {
        connection.restore();
        await passTime(2_500);
      }
      expect(outbox.size).toBe(0);
      await outbox.drained();
    }

    it('and says so; what is behind it gets its number', async () => {
      const outcomes: unknown[] = [];
      const publication = {
        ...noopTelemetry.publish(PUBLISHED),
        failed: (error: unknown) => void outcomes.push(error),
      };
      const outbox = newOutbox({ outboxMaxBytes: LARGE + 1_000 });
      outbox.start();
      add(outbox, 'large', LARGE, publication);
      await finish(outbox);
      add(outbox, 'small', 50_000);
      await finish(outbox);
      expect(settled).toEqual([
        { message: 'large', id: undefined, error: expect.any(MessageTooLargeError) as Error },
        { message: 'small', id: '1-0', error: undefined },
      ]);
      expect(settled[0]!.error!.message).toBe(
        "Cannot publish to stream 'stream': Redis takes no message of 100000 bytes (ERR Protocol error: invalid bulk length). " +
          'Make sure that it is smaller, or raise the limit of Redis (`proto-max-bulk-len`) or of its service.',
      );
      expect(outcomes).toEqual([settled[0]!.error]);
      expect([tooLarge, refusals, overflows]).toEqual([[ERROR], [], []]);
      expect(connection.stream).toEqual([{ id: '1-0', seq: 1, name: 'small' }]);
      expect(outbox.last).toEqual({ seq: 1, id: '1-0' });
    });

    it('and nothing that went with it', async () => {
      const outbox = newOutbox();
      outbox.start();
      for (const message of ['a', 'b']) add(outbox, message);
      add(outbox, 'large', LARGE);
      for (const message of ['c', 'd']) add(outbox, message);
      await finish(outbox);
      expect(connection.sent).toEqual([[2, 1, 2], [2], [1], [2]]);
      expect(settled.map(({ message, error }) => (error ? `no ${message}` : message))).toEqual([
        'a',
        'b',
        'no large',
        'c',
        'd',
      ]);
      expect(connection.stream.map(({ seq, name }) => `${seq} ${name}`)).toEqual(['1 a', '2 b', '3 c', '4 d']);
      for (const message of ['e', 'f']) add(outbox, message, 60_000);
      await finish(outbox);
      // together again
      expect(connection.sent.at(-1)).toEqual([1, 1]);
    });

    it('and nothing that went with it, where Redis has carried that out already', async () => {
      connection.atOnce = false;
      const outbox = newOutbox();
      outbox.start();
      add(outbox, 'a');
      add(outbox, 'large', LARGE);
      add(outbox, 'c');
      await finish(outbox);
      add(outbox, 'd');
      await finish(outbox);

      expect(settled.map(({ message, error }) => (error ? `no ${message}` : message))).toEqual([
        'a',
        'no large',
        'c',
        'd',
      ]);
      const { passed, missed } = readAll();
      expect(passed.map(({ name }) => name)).toEqual(['a', 'c', 'd']);
      // readers may have seen what was behind it: its number is left out
      expect(missed).toBe(1);
    });

    it('and nothing that shares an entry with it', async () => {
      connection.limit = 1_000;
      const outbox = newOutbox();
      outbox.start();
      add(outbox, 'a', 800);
      add(outbox, 'large', 2_000);
      add(outbox, 'b', 800);
      await finish(outbox);
      expect(connection.sent).toEqual([[3], [1], [1], [1]]);
      expect(connection.stream.map(({ seq, name }) => `${seq} ${name}`)).toEqual(['1 a', '2 b']);
    });

    it('also where the connection is lost before Redis can say why; numbers that it may have seen are used once', async () => {
      connection.fates = ['lost before', 'lost before', 'lost before'];
      const outbox = newOutbox();
      outbox.start();
      add(outbox, 'a');
      add(outbox, 'large', LARGE);
      add(outbox, 'b');
      await finish(outbox);
      expect(connection.sent).toEqual([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1], [1], [1]]);
      expect(connection.stream.map(({ seq, name }) => `${seq} ${name}`)).toEqual(['1 a', '3 b']);
      expect(tooLarge).toEqual([ERROR]);
    });

    it('and adds all the rest once and in order, as far as a reader can tell, whatever the connection does', async () => {
      const fate = fc.constantFrom<Fate>('done', 'done', 'refused', 'lost before', 'lost after', 'late');
      const bytes = fc.constantFrom(10, 10, 10, 30_000, LARGE);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(bytes, { minLength: 1, maxLength: 20 }), { maxLength: 10 }),
          fc.array(fate, { maxLength: 20 }),
          fc.boolean(),
          async (turns, fates, interop) => {
            reset();
            connection.limit = 90_000;
            connection.fates = [...fates];
            const outbox = newOutbox({ outboxMaxBytes: 1_000_000_000, interop });
            outbox.start();
            const names: { small: string[]; large: string[] } = { small: [], large: [] };
            for (const [turn, sizes] of turns.entries()) {
              for (const [index, size] of sizes.entries()) {
                const name = `${turn}-${index}`;
                names[size === LARGE ? 'large' : 'small'].push(name);
                add(outbox, name, size);
              }
              await passTime(30);
            }
            await finish(outbox);

            const { passed } = readAll();
            expect(passed.map(({ name }) => name)).toEqual(names.small);
            expect(settled.filter(({ error }) => !error).map(({ message }) => message)).toEqual(names.small);
            expect(settled.filter(({ error }) => error).map(({ message }) => message)).toEqual(names.large);
            expect(tooLarge).toHaveLength(names.large.length);
            // a number that is left out is one that a reader might have seen
            if (!fates.some((one) => one !== 'done' && one !== 'refused')) {
              expect(outbox.last.seq).toBe(names.small.length);
            }
          },
        ),
        { numRuns: 100 },
      );
    });
  });

  describe('tells of each write once', () => {
    let writes: Array<{ waited: number | undefined; error: unknown }>;
    let telemetry: TelemetryPort;
    beforeEach(() => {
      writes = [];
      const write: TelemetryPort['write'] = (_stream, waited) => ({
        end: (error) => void writes.push({ waited: waited?.length, error }),
      });
      telemetry = { ...noopTelemetry, write };
    });
    const failed = expect.any(Error) as Error;

    it('with the publications that waited for Redis, until they are in it', async () => {
      const outbox = newOutbox({}, telemetry);
      outbox.start();
      add(outbox, 'at once');
      await passTime();
      connection.lose();
      for (let i = 0; i < 3; i++) add(outbox, 'waits');
      connection.fates = ['lost after'];
      connection.restore();
      await passTime();
      connection.restore();
      // more comes in while those are under way
      add(outbox, 'at once');
      await passTime();
      expect(writes).toEqual([
        { waited: undefined, error: undefined },
        { waited: 3, error: failed },
        { waited: 3, error: undefined },
        { waited: undefined, error: undefined },
      ]);
    });

    it('also of one that Redis refuses', async () => {
      connection.fates = ['refused'];
      const outbox = newOutbox({}, telemetry);
      outbox.start();
      add(outbox, 'refused at first');
      await passTime();
      expect(writes).toEqual([
        { waited: undefined, error: failed },
        { waited: 1, error: undefined },
      ]);
    });
  });
});

const PUBLISHED = { stream: 'stream', namespace: '/', type: 'broadcast', roomCount: 0, deferred: false } as const;
