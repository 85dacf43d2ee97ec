import fc from 'fast-check';
import { Server } from 'socket.io';
import { Adapter, MessageType } from 'socket.io-adapter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AdapterClosedError, RequestTimeoutError } from './errors.js';
import { AckCollector } from './ack-collector.js';

const { BROADCAST_ACK, BROADCAST_CLIENT_COUNT } = MessageType;

interface Broadcast {
  collector: AckCollector;
  /** What Socket.IO told the application. */
  results: Array<{ error: Error | null; responses: unknown[] }>;
  ends: Array<{ expected: number; received: number; error: unknown }>;
  closed: number;
  /** What the callback of the application throws, and what the collector has told of. */
  thrower: Error | undefined;
  thrown: unknown[];
}

/** Emits with an acknowledgement, as an application does, and gives the callbacks of Socket.IO to a collector. */
function broadcast(nodes: string[], foreign = 0, timeout = 1_000): Broadcast {
  const state: Broadcast = {
    collector: undefined as never,
    results: [],
    ends: [],
    closed: 0,
    thrower: undefined,
    thrown: [],
  };
  class ClusterOfNodes extends Adapter {
    override serverCount(): Promise<number> {
      return Promise.resolve(1 + nodes.length + foreign);
    }

    override broadcastWithAck(
      _packet: unknown,
      _opts: unknown,
      clientCountCallback: (count: number) => void,
      ack: (...args: unknown[]) => void,
    ): void {
      state.collector = new AckCollector(nodes, clientCountCallback, ack, {
        telemetry: {
          run: (send) => send(),
          end: (expected, received, error) => void state.ends.push({ expected, received, error }),
        },
        timeout,
        foreign: Promise.resolve(foreign),
        onEnd: () => state.closed++,
        onThrown: (error) => void state.thrown.push(error),
      });
    }
  }
  const io = new Server({ adapter: ClusterOfNodes });
  io.timeout(timeout).emit('question', (error: Error | null, responses: unknown[]) => {
    state.results.push({ error, responses });
    if (state.thrower) throw state.thrower;
  });
  return state;
}

/** Lets promises that are resolved already go on. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

type Happening = (collector: AckCollector) => void;

const answering = fc.record({ fate: fc.constant('answers' as const), clients: fc.nat(3) });
const nodeFate = fc.oneof(
  { weight: 5, arbitrary: answering },
  { weight: 1, arbitrary: fc.record({ fate: fc.constant('has no such namespace' as const), clients: fc.constant(0) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      fate: fc.constant('is lost' as const),
      clients: fc.nat(3),
      counted: fc.boolean(),
      acks: fc.nat(3),
    }),
  },
);
type NodeFate = typeof nodeFate extends fc.Arbitrary<infer Fate> ? Fate : never;

/** What comes of a node, each in the order in which it comes, and the answers that Socket.IO is to have of it. */
function course(uid: string, node: NodeFate): { happenings: Happening[]; answers: string[] } {
  const answer =
    (data: object): Happening =>
    (collector) =>
      collector.onAnswer(uid, data);
  const count = answer({ type: BROADCAST_CLIENT_COUNT, clientCount: node.clients });
  const ack =
    (i: number): Happening =>
    (collector) => {
      const data = { type: BROADCAST_ACK, packet: `${uid}/${i}` };
      if (uid.startsWith('foreign')) return collector.onAnswer(uid, data);
      // an answer that may not have been sent is sent again
      for (let times = 0; times <= i % 2; times++) collector.onAnswer(uid, { ...data, number: i });
    };
  const indices = [...Array(node.clients).keys()];
  if (node.fate === 'has no such namespace') return { happenings: [answer({ absent: true })], answers: [] };
  if (node.fate === 'answers') {
    return { happenings: [count, ...indices.map(ack)], answers: indices.map((i) => `${uid}/${i}`) };
  }
  // not all of them: it is lost only while somebody waits for it
  const acked = indices.slice(0, Math.min(node.acks, Math.max(0, node.clients - 1)));
  const counted = node.counted && node.clients > 0 ? [count] : [];
  const lost: Happening = (collector) => collector.onNodeLost(uid);
  return { happenings: [...counted, ...acked.map(ack), lost], answers: acked.map((i) => `${uid}/${i}`) };
}

describe('AckCollector', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('is complete when every client of every node that is left has answered, and not before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(nodeFate, { maxLength: 4 }),
        fc.array(answering, { maxLength: 2 }),
        fc.nat(3),
        fc.nat(2),
        fc.infiniteStream(fc.nat()),
        async (nodes, foreign, localClients, newcomerClients, choices) => {
          const uids = nodes.map((_, i) => `node-${i}`);
          const local: Happening[] = [(collector) => collector.localCount(localClients)];
          const localAnswers = Array.from({ length: localClients }, (_, i) => `local/${i}`);
          for (const one of localAnswers) local.push((collector) => collector.localAck([one]));
          const courses = [
            ...nodes.map((node, i) => course(uids[i]!, node)),
            ...foreign.map((node, i) => course(`foreign-${i}`, node)),
            { happenings: local, answers: localAnswers },
          ];
          const expected = courses.flatMap(({ answers }) => answers);

          const state = broadcast(uids, foreign.length);
          const { results, ends, collector } = state;
          const lanes = courses.map(({ happenings }) => [...happenings]);
          while (lanes.some(({ length }) => length > 0)) {
            expect(results).toEqual([]);
            // nobody would bring it another answer
            expect(state.closed).toBe(0);
            const left = lanes.filter(({ length }) => length > 0);
            left[choices.next().value % left.length]!.shift()!(collector);
            await settle();
          }
          expect(results).toHaveLength(1);
          expect(results[0]!.error).toBe(null);
          expect([...results[0]!.responses].sort()).toEqual([...expected].sort());
          const lost = nodes.filter(({ fate }) => fate === 'is lost').length;
          const asked = nodes.length + foreign.length;
          expect(ends).toEqual([{ expected: asked, received: asked - lost, error: undefined }]);
          // nothing that comes late changes anything
          for (let i = 0; i < newcomerClients; i++) {
            collector.onAnswer('late', { type: BROADCAST_ACK, packet: i });
            collector.onNodeLost('node-0');
          }
          await vi.advanceTimersByTimeAsync(5_000);
          expect(results).toHaveLength(1);
          expect(ends).toHaveLength(1);
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('counts no node that joined after the question was put: Socket.IO does not, either', async () => {
    const { collector, results } = broadcast(['known']);
    collector.onAnswer('newcomer', { type: BROADCAST_CLIENT_COUNT, clientCount: 1 });
    collector.onAnswer('newcomer', { type: BROADCAST_ACK, packet: 'from the newcomer' });
    collector.localCount(0);
    collector.onAnswer('known', { type: BROADCAST_CLIENT_COUNT, clientCount: 1 });
    collector.onAnswer('known', { type: BROADCAST_ACK, packet: 'from the known' });
    await settle();
    expect(results).toEqual([{ error: null, responses: ['from the known'] }]);
  });

  it('gives what has come when the time is over, and asks for no more', async () => {
    const state = broadcast(['quick', 'slow']);
    const { collector, results, ends } = state;
    collector.localCount(1);
    collector.localAck(['local']);
    collector.onAnswer('quick', { type: BROADCAST_CLIENT_COUNT, clientCount: 1 });
    collector.onAnswer('quick', { type: BROADCAST_ACK, packet: 'quick' });
    collector.onAnswer('slow', { type: BROADCAST_CLIENT_COUNT, clientCount: 2 });
    collector.onAnswer('slow', { type: BROADCAST_ACK, packet: 'slow' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(results).toEqual([{ error: expect.any(Error) as Error, responses: ['local', 'quick', 'slow'] }]);
    expect(ends).toEqual([{ expected: 2, received: 1, error: expect.any(RequestTimeoutError) as Error }]);
    expect(ends[0]!.error).toMatchObject({ missing: ['slow'] });
    expect(state.closed).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps what the callback of the application throws to itself, and tells of it', async () => {
    const state = broadcast([], 1);
    state.thrower = new Error('from the application');
    state.collector.localCount(0);
    state.collector.onAnswer('peer', { type: BROADCAST_CLIENT_COUNT, clientCount: 1 });
    state.collector.onAnswer('peer', { type: BROADCAST_ACK, packet: 'yes' });
    await settle();
    expect(state.thrown).toEqual([state.thrower]);
  });

  it('does so when a node is lost, and is complete', async () => {
    const state = broadcast(['lost']);
    state.thrower = new Error('from the application');
    state.collector.localCount(0);
    await settle();
    state.collector.onNodeLost('lost');
    expect(state.thrown).toEqual([state.thrower]);
    expect(state.ends).toEqual([{ expected: 1, received: 0, error: undefined }]);
  });

  it('waits for nobody any more when the adapter is closed, and Socket.IO says so when its time is over', async () => {
    const state = broadcast(['slow']);
    const { collector, results, ends } = state;
    collector.localCount(1);
    collector.localAck(['local']);
    await settle();
    collector.onClosed();
    expect(ends).toEqual([{ expected: 1, received: 0, error: expect.any(AdapterClosedError) as Error }]);
    // that of Socket.IO
    expect([state.closed, vi.getTimerCount(), results]).toEqual([1, 1, []]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(results).toEqual([{ error: expect.any(Error) as Error, responses: ['local'] }]);
    expect([ends.length, vi.getTimerCount()]).toEqual([1, 0]);
  });
});
