import fc from 'fast-check';
import { MessageType } from 'socket.io-adapter';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { noopTelemetry } from '../telemetry-port.js';
import type { Bus, BusMessage } from './bus.js';
import type { Layout } from '../stream/routing.js';
import { Membership, type Heartbeat } from './membership.js';

const INTERVAL = 1_000;
const TIMEOUT = 2_500;
const LAYOUT: Layout = { streamName: 'stream', streamCount: 1, streamBy: 'namespace' };

/** Channels in memory. A message takes a millisecond; a node that is cut off neither sends nor receives. */
class Channels {
  readonly nodes = new Map<string, Node>();
  readonly cutOff = new Set<string>();
  /** How many Redis says have heard a message, where it does not know of all. */
  counted = Number.POSITIVE_INFINITY;
  /** Nodes that are busy: messages take longer to be heard by them, in milliseconds. */
  readonly busy = new Map<string, number>();

  async publish(from: string, channel: string, message: BusMessage): Promise<number> {
    if (this.cutOff.has(from) || !this.nodes.has(from)) throw new Error('not connected');
    const receivers = [...this.nodes.values()].filter(
      ({ uid }) => !this.cutOff.has(uid) && (channel === 'everybody' || channel === uid),
    );
    const copy = structuredClone(message);
    for (const { uid } of receivers) {
      setTimeout(() => this.nodes.get(uid)?.membership.receive(copy), 1 + (this.busy.get(uid) ?? 0));
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
    return Math.min(receivers.length, this.counted);
  }
}

class Node {
  readonly events: string[] = [];
  readonly heartbeats: Array<[uid: string, heartbeat: Heartbeat]> = [];
  deaf = 0;
  /** How often it has looked where the others listen. */
  looks = 0;
  published: Heartbeat['published'] = [];
  readonly membership: Membership;
  #joined: Promise<void> | undefined;

  constructor(
    private readonly channels: Channels,
    readonly uid: string,
    layout = LAYOUT,
  ) {
    const bus = {
      clusterChannel: 'everybody',
      nodeChannel: (to: string) => to,
      publish: (channel: string, message: BusMessage) => channels.publish(uid, channel, message),
      announce: async (message: BusMessage) => (await channels.publish(uid, 'everybody', message)) - 1,
      lookAgain: () => this.looks++,
    };
    this.membership = new Membership(
      bus as unknown as Bus,
      { uid, heartbeatInterval: INTERVAL, heartbeatTimeout: TIMEOUT, layout },
      noopTelemetry,
      () => this.published,
      {
        onJoined: (other, size) => this.events.push(`${other} joined: ${size}`),
        onLeft: (other, reason, size) => this.events.push(`${other} ${reason}: ${size}`),
        onHeartbeat: (other, heartbeat) => this.heartbeats.push([other, heartbeat]),
        onStranger: ({ message }) => this.events.push(`stranger: ${message}`),
        onDeaf: () => this.deaf++,
        onRefused: (reason) => this.events.push(`refused: ${reason}`),
      },
    );
    channels.nodes.set(uid, this);
  }

  get others(): string[] {
    return [...this.membership.members.keys()].sort();
  }

  join(): Promise<void> {
    this.#joined = this.membership.join();
    return this.#joined;
  }

  /** It ends without a word. */
  kill(): void {
    this.channels.nodes.delete(this.uid);
    this.membership.stop();
    void this.#joined?.catch(() => undefined).then(() => this.membership.stop());
  }
}

describe('Membership', () => {
  let channels: Channels;

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    channels = new Channels();
  });

  afterEach(() => {
    for (const { membership } of channels.nodes.values()) membership.stop();
    vi.useRealTimers();
  });

  async function pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  async function started(...uids: string[]): Promise<Node[]> {
    const nodes = uids.map((uid) => new Node(channels, uid));
    for (const node of nodes) {
      const joined = node.join();
      await pass(10);
      await joined;
    }
    return nodes;
  }

  it('knows everybody when it has joined, and everybody knows it', async () => {
    const [a, b, c] = await started('a', 'b', 'c');
    expect(c!.others).toEqual(['a', 'b']);
    expect(c!.membership.size).toBe(3);
    expect(a!.events).toEqual(['b joined: 2', 'c joined: 3']);
    expect(b!.others).toEqual(['a', 'c']);
  });

  it('looks where the others listen when Redis knows of fewer than there are', async () => {
    const [a, b] = await started('a', 'b');
    await pass(3 * INTERVAL);
    expect([a!.looks, b!.looks]).toEqual([0, 0]);
    channels.counted = 1;
    await pass(INTERVAL);
    expect([a!.looks, b!.looks]).toEqual([1, 1]);
  });

  it('looks where a newcomer listens that is answered and does not hear it there', async () => {
    const [a] = await started('a');
    channels.counted = 0;
    const joined = new Node(channels, 'b').join();
    await pass(10);
    await joined;
    expect(a!.looks).toBe(1);
  });

  it('has not joined before everybody knows it, although their heartbeats were on their way', async () => {
    const [a] = await started('a');
    channels.busy.set('a', 500);
    await pass(INTERVAL - 20);
    const b = new Node(channels, 'b');
    const joined = b.join();
    await pass(30);
    expect([a!.others, b.others]).toEqual([[], ['a']]);
    const known = joined.then(() => a!.others);
    await pass(1_000);
    expect(await known).toEqual(['b']);
  });

  it('does not join those that it could not hear, but says why, and may try again when they are gone', async () => {
    const [a, c] = await started('a', 'c');
    const b = new Node(channels, 'b', { ...LAYOUT, streamCount: 2 });
    const refused = expect(b.join()).rejects.toMatchObject({ name: 'InvalidOptionError', option: 'streamCount' });
    await pass(10);
    await refused;
    await pass(3 * INTERVAL);
    expect([a!.others, b.others, c!.others]).toEqual([['c'], [], ['a']]);
    expect(a!.events).toEqual([
      'c joined: 2',
      expect.stringMatching(/^stranger: .*`streamCount` is 1, but 2 on node b /),
    ]);

    a!.kill();
    c!.kill();
    const joined = b.join();
    await pass(10);
    await joined;
  });

  it('joins at once where it is alone', async () => {
    const alone = new Node(channels, 'a');
    const joined = alone.join();
    await pass(2);
    await joined;
    expect(alone.membership.size).toBe(1);
  });

  it('waits two seconds at most for who does not answer', async () => {
    const [, silent] = await started('a', 'b');
    silent!.membership.receive = () => undefined;
    silent!.membership.stop();
    const late = new Node(channels, 'c');
    let joined = false;
    void late.join().then(() => (joined = true));
    await pass(1_990);
    expect(joined).toBe(false);
    await pass(20);
    expect(joined).toBe(true);
    expect(late.others).toContain('a');
  });

  it('tells the others what was published, and leaves out what makes no sense', async () => {
    const [a, b] = await started('a', 'b');
    a!.published = [{ stream: 's', seq: 3, id: '1-1' }];
    await pass(INTERVAL);
    expect(b!.heartbeats.at(-1)).toEqual(['a', { published: a!.published, layout: LAYOUT }]);
    for (const data of [undefined, null, 'text', 7, {}, { published: 'x' }]) {
      b!.membership.receive({ uid: 'a', type: MessageType.HEARTBEAT, data });
      expect(b!.heartbeats.at(-1)).toEqual(['a', { published: [] }]);
    }
    const published = [
      null,
      {},
      { stream: 1, seq: 1, id: '1-1' },
      { stream: 's', seq: 1.5, id: '1-1' },
      { stream: 's', seq: 1, id: 'x' },
    ];
    b!.membership.receive({ uid: 'a', type: MessageType.HEARTBEAT, data: { published } });
    expect(b!.heartbeats.at(-1)).toEqual(['a', { published: [] }]);
  });

  it('forgets a dead node within heartbeatTimeout and heartbeatInterval', async () => {
    const [a, b, c] = await started('a', 'b', 'c');
    await pass(5 * INTERVAL);
    c!.kill();
    await pass(TIMEOUT - INTERVAL);
    expect(a!.others).toEqual(['b', 'c']);
    await pass(2 * INTERVAL + 10);
    expect(a!.others).toEqual(['b']);
    expect(b!.others).toEqual(['a']);
    expect(a!.events.at(-1)).toBe('c lost: 2');
  });

  it('keeps a node that says nothing but answers', async () => {
    const [a, b] = await started('a', 'b');
    b!.kill();
    for (let i = 0; i < 10; i++) {
      await pass(INTERVAL);
      a!.membership.alive('b');
    }
    expect(a!.others).toEqual(['b']);
    a!.membership.alive('never heard of');
    expect(a!.others).toEqual(['b']);
  });

  it('forgets a node at once that says farewell', async () => {
    const [a, b] = await started('a', 'b');
    const left = b!.membership.leave();
    await pass(5);
    await left;
    expect(a!.others).toEqual([]);
    expect(a!.events.at(-1)).toBe('b left: 1');
  });

  it('is not brought back to a node by what comes late', async () => {
    const [a, b] = await started('a', 'b');
    void b!.membership.leave();
    await pass(5);
    a!.membership.receive({ uid: 'b', type: MessageType.HEARTBEAT });
    a!.membership.receive({ uid: 'b', type: MessageType.INITIAL_HEARTBEAT });
    expect(a!.others).toEqual([]);
  });

  it('says no farewell where it said no hello', async () => {
    const node = new Node(channels, 'a');
    const publish = vi.spyOn(channels, 'publish');
    await node.membership.leave();
    expect(publish).not.toHaveBeenCalled();
  });

  it('takes nobody for lost while the channel is away, nor when it is back', async () => {
    const [a, b] = await started('a', 'b');
    channels.cutOff.add('a');
    // back shortly before the next look around, and before anything comes from b
    await pass(20 * INTERVAL - 25);
    expect(a!.others).toEqual(['b']);
    channels.cutOff.delete('a');
    a!.membership.resume();
    await pass(15);
    expect(a!.events).toEqual(['b joined: 2']);
    await pass(3 * INTERVAL);
    expect(a!.others).toEqual(['b']);
    expect(b!.others).toEqual(['a']);
    b!.kill();
    await pass(TIMEOUT + INTERVAL + 10);
    expect(a!.others).toEqual([]);
  });

  it('takes nobody for lost whose heartbeats come later than its own when the channel is back', async () => {
    const [a] = await started('a', 'b');
    channels.cutOff.add('a').add('b');
    await pass(TIMEOUT + 2 * INTERVAL);
    a!.membership.receive({ uid: 'a', type: MessageType.HEARTBEAT, data: { published: [] } });
    await pass(INTERVAL);
    channels.cutOff.clear();
    await pass(2 * INTERVAL);
    expect(a!.events).toEqual(['b joined: 2']);
  });

  it.each([
    ['for long', 20 * INTERVAL],
    ['for less than the others may be silent', TIMEOUT - INTERVAL - 100],
  ])('takes nobody for lost when it is itself that was asleep, %s', async (_title, slept) => {
    const [a] = await started('a');
    // so that b was heard before the own heartbeat
    await pass(0.7 * INTERVAL);
    const [b] = await started('b');
    await pass(3.35 * INTERVAL);
    const receive = a!.membership.receive.bind(a!.membership);
    const missed: BusMessage[] = [];
    a!.membership.receive = (message) => void missed.push(message);
    // time goes on, and b with it, while nothing runs here
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + slept);
    onTestFinished(() => clock.mockRestore());
    for (let i = 0; i < 20; i++) missed.push({ uid: 'b', type: MessageType.HEARTBEAT });
    await pass(INTERVAL);
    expect(a!.events).not.toContain('b lost: 1');
    a!.membership.receive = receive;
    for (const message of missed) receive(message);
    await pass(5 * INTERVAL);
    expect(a!.others).toEqual(['b']);
    expect(b!.others).toEqual(['a']);
  });

  it.each([-1, 1])('loses nobody, and keeps nobody, when the clock is set (by %i hours)', async (hours) => {
    const [a, b] = await started('a', 'b', 'c');
    vi.setSystemTime(Date.now() + hours * 3_600_000);
    await pass(3 * INTERVAL);
    expect(a!.others).toEqual(['b', 'c']);
    expect(a!.membership.lastEcho).toBeGreaterThan(Date.now() - 2 * INTERVAL);
    expect(a!.membership.lastEcho).toBeLessThanOrEqual(Date.now());
    b!.kill();
    await pass(TIMEOUT + INTERVAL + 10);
    expect(a!.others).toEqual(['c']);
  });

  it('notices that Redis takes its heartbeats and none comes back', async () => {
    const [a] = await started('a');
    await pass(20 * INTERVAL);
    expect(a!.deaf).toBe(0);
    expect(a!.membership.lastEcho).toBeGreaterThan(Date.now() - 2 * INTERVAL);
    a!.membership.receive = () => undefined;
    await pass(TIMEOUT + 2 * INTERVAL);
    expect(a!.deaf).toBe(1);
  });

  it('tells for how long it hears what is sent, and who is in the cluster', async () => {
    const alone = new Node(channels, 'a');
    const { membership } = alone;
    expect([membership.hearingFor, membership.alive('b')]).toEqual([0, false]);
    await started('b');
    void alone.join();
    await pass(5 * INTERVAL + 10);
    expect(membership.hearingFor).toBeGreaterThanOrEqual(5 * INTERVAL);
    expect(membership.alive('b')).toBe(true);
    channels.cutOff.add('a');
    await pass(3 * INTERVAL);
    expect(membership.hearingFor).toBe(0);
    channels.cutOff.delete('a');
    await pass(2 * INTERVAL);
    expect(membership.hearingFor).toBeGreaterThan(0);
    expect(membership.hearingFor).toBeLessThanOrEqual(2 * INTERVAL);
  });

  it('agrees with the others on who is there, whatever came and went', async () => {
    const uid = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof(
      fc.record({
        type: fc.constantFrom(
          'join' as const,
          'kill' as const,
          'leave' as const,
          'cut off' as const,
          'reconnect' as const,
        ),
        uid,
      }),
      fc.record({ type: fc.constant('pass' as const), ms: fc.nat(3_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        channels = new Channels();
        let generation = 0;
        const byName = new Map<string, Node>();
        for (const one of steps) {
          if (one.type === 'pass') {
            await pass(one.ms);
            continue;
          }
          const node = byName.get(one.uid);
          if (one.type === 'join' && !node) {
            // a process that starts again has a new id
            const fresh = new Node(channels, `${one.uid}${++generation}`);
            byName.set(one.uid, fresh);
            void fresh.join().catch(() => undefined);
          } else if (node && (one.type === 'kill' || one.type === 'leave')) {
            if (one.type === 'leave') await Promise.all([node.membership.leave().catch(() => undefined), pass(5)]);
            node.kill();
            channels.cutOff.delete(node.uid);
            byName.delete(one.uid);
          } else if (node && one.type === 'cut off') {
            channels.cutOff.add(node.uid);
          } else if (node && one.type === 'reconnect' && channels.cutOff.delete(node.uid)) {
            node.membership.resume();
          }
        }
        for (const node of byName.values()) if (channels.cutOff.delete(node.uid)) node.membership.resume();
        await pass(2 * (TIMEOUT + INTERVAL));
        const present = [...byName.values()].map((node) => node.uid).sort();
        for (const node of byName.values()) {
          expect([node.uid, ...node.others].sort()).toEqual(present);
          node.kill();
        }
        await pass(10);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
