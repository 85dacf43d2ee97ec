import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../harness/wait-for.js';
import { Collector } from './support/collector.js';
import { Person } from './support/person.js';
import { Sample, START_DEADLINE } from './support/sample.js';

describe('the sample, started by npm start', () => {
  let sample: Sample;
  let collector: Collector;
  let rooms = 0;
  const newRoom = (): string => `room-${(rooms += 1)}`;

  beforeAll(async () => {
    collector = await Collector.start();
    sample = await Sample.start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '200' });
  }, START_DEADLINE);
  afterAll(async () => {
    await sample?.stop();
    await collector?.stop();
  });

  /** Resolves once the launcher has started a node anew since this was called. */
  function nextRestart(): () => Promise<unknown> {
    const count = (): number => sample.output.split('Starting it again.').length;
    const before = count();
    return () => waitFor(() => count() > before, { deadline: 20_000, what: 'the restart of the node' });
  }

  async function eventuallyHealthy(node: string): Promise<void> {
    const url = sample.nodeUrl(Number(node.slice('node-'.length)));
    await waitFor(async () => (await fetch(`${url}/health`)).ok, {
      deadline: 30_000,
      interval: 100,
      what: `${node} to be healthy again`,
    });
  }

  it('says where it is and which Redis it took', () => {
    expect(sample.output).toContain(`http://localhost:${sample.port}\n`);
    expect(sample.output).toMatch(/^Redis: .+ redis:\/\//m);
  });

  it('lets people on two nodes talk, in one order for both', async () => {
    const room = newRoom();
    const [ada, grace] = await Person.onTwoNodes(sample.url, room);
    await Promise.all([ada.say(room, 'a1', 'a2', 'a3'), grace.say(room, 'g1', 'g2', 'g3')]);

    const texts = await ada.texts(6);
    expect([...texts].sort()).toEqual(['a1', 'a2', 'a3', 'g1', 'g2', 'g3']);
    expect(await grace.texts(6)).toEqual(texts);
    const nodes = new Set(ada.messages.map((message) => message.from.node));
    expect(nodes).toEqual(new Set(['node-1', 'node-2']));
  });

  it('tells who is in a room, on whichever node, also when they leave or are gone', async () => {
    const room = newRoom();
    const [ada, grace] = await Person.onTwoNodes(sample.url, room);
    const here = async (...people: Person[]): Promise<string[]> =>
      Promise.all(people.map(async (person) => `${person.name} on ${(await person.node()).name}`));
    const eventuallySees = (expected: string[]): Promise<boolean> =>
      waitFor(() => {
        expect(ada.people.get(room)?.map(({ name, node }) => `${name} on ${node}`)).toEqual(expected);
        return true;
      });

    const both = await here(ada, grace);
    const adaAlone = await here(ada);
    await eventuallySees(both);
    await grace.call('leave', { room });
    await eventuallySees(adaAlone);
    await grace.call('join', { room });
    await eventuallySees(both);
    grace.socket.disconnect();
    await eventuallySees(adaAlone);
  });

  it('tells who types', async () => {
    const room = newRoom();
    const [ada, grace] = await Person.onTwoNodes(sample.url, room);
    // It is volatile: lost where the connection is just being written to.
    const typed = (): boolean => {
      grace.socket.emit('typing', { room, typing: true });
      return ada.typing.length > 0;
    };
    await waitFor(typed, { interval: 100 });
    expect(ada.typing[0]).toEqual({ room, name: 'Grace', typing: true });
    expect(grace.typing).toEqual([]);
  });

  it('refuses what it cannot use, with a sentence', async () => {
    const ada = await Person.connect(sample.url, 'Ada');
    const refusal = (sentence: string): object => ({ error: expect.stringContaining(sentence) as string });
    expect(await ada.call('join', { room: 'no spaces' })).toEqual(refusal('A room is named by'));
    expect(await ada.call('join')).toEqual(refusal('A room is named by'));
    expect(await ada.call('join', { room: { $ne: null } })).toEqual(refusal('A room is named by'));
    expect(await ada.call('message', { room: 'elsewhere', text: 'x' })).toEqual(refusal('You are not in elsewhere'));
    await ada.call('join', { room: 'here' });
    expect(await ada.call('message', { room: 'here', text: '   ' })).toEqual(refusal('1 to 1,000 characters'));
    expect(await ada.call('message', { room: 'here', text: 'x'.repeat(1_001) })).toEqual(refusal('1 to 1,000'));
    await expect(Person.connect(sample.url, '<b>Ada</b>')).rejects.toThrow('A name has 1 to 24 letters');
  });

  it('restores what a dropped connection missed', async () => {
    const room = newRoom();
    const [ada, grace] = await Person.onTwoNodes(sample.url, room);
    await grace.say(room, 'before');
    expect(await ada.texts(1)).toEqual(['before']);
    const { id } = ada.socket;

    ada.drop();
    await grace.say(room, 'missed 1', 'missed 2', 'missed 3');
    await ada.comeBack();
    await grace.say(room, 'after');

    expect(ada.socket.recovered).toBe(true);
    expect(ada.socket.id).toBe(id);
    expect(await ada.texts(5)).toEqual(['before', 'missed 1', 'missed 2', 'missed 3', 'after']);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'moves people to another node when theirs ends by %s, and starts it again',
    async (signal) => {
      const room = newRoom();
      const [ada, grace] = await Person.onTwoNodes(sample.url, room);
      await grace.say(room, 'before');
      expect(await ada.texts(1)).toEqual(['before']);
      const { name, pid } = await ada.node();

      await sample.sessionKept(ada, room);
      const restart = nextRestart();
      ada.stayAwayOnceLost();
      process.kill(pid, signal);
      await waitFor(() => !ada.socket.connected, { deadline: 15_000, what: 'the end of the node' });
      await grace.say(room, 'missed 1', 'missed 2');
      await restart();
      // The node has nobody to serve now, but is not ready, either.
      const newcomer = await Person.connect(sample.url, 'Linus');
      expect(await newcomer.node()).toEqual(await grace.node());
      await ada.comeBack();
      await grace.say(room, 'after');

      expect(await ada.texts(4)).toEqual(['before', 'missed 1', 'missed 2', 'after']);
      expect(ada.socket.recovered).toBe(true);
      await eventuallyHealthy(name);
    },
    90_000,
  );

  it('hands people over when their node is told to stop, and is not ready meanwhile', async () => {
    const room = newRoom();
    const [ada, grace] = await Person.onTwoNodes(sample.url, room);
    const { name, pid } = await ada.node();
    const ready = `${sample.nodeUrl(Number(name.slice('node-'.length)))}/ready`;
    expect((await fetch(ready)).status).toBe(200);
    const restart = nextRestart();
    const handedOver = new Promise((resolve) => ada.socket.once('disconnect', resolve));
    process.kill(pid, 'SIGTERM');
    // A balancer of node:cluster may hand a request to a node that has just ended, which nobody answers.
    const refused = async (): Promise<boolean> =>
      (await fetch(ready, { signal: AbortSignal.timeout(1_000) })).status === 503;
    await waitFor(refused, { deadline: 15_000, what: 'the node to be no longer ready' });
    // She is still served there.
    await ada.say(room, 'one');
    await handedOver;
    await grace.say(room, 'two');
    await ada.connected();

    expect(await ada.texts(2)).toEqual(['one', 'two']);
    expect(ada.socket.recovered).toBe(true);
    expect(await ada.node()).toEqual(await grace.node());
    await restart();
    await eventuallyHealthy(name);
  }, 90_000);

  it('tells that people are gone when their node was killed, and that they are back', async () => {
    const room = newRoom();
    const [ada, grace] = await Person.onTwoNodes(sample.url, room);
    const { name, pid } = await ada.node();
    const eventuallySees = (expected: string[], who = grace): Promise<boolean> =>
      waitFor(
        () => {
          expect(who.people.get(room)?.map((person) => person.name)).toEqual(expected);
          return true;
        },
        // until the node is taken for lost, every look at who is there waits for it
        { deadline: 40_000 },
      );
    await eventuallySees(['Ada', 'Grace']);
    // without a packet, and so an offset, she could not be recovered
    await eventuallySees(['Ada', 'Grace'], ada);
    await sample.sessionKept(ada, room);
    ada.stayAwayOnceLost();
    process.kill(pid, 'SIGKILL');
    await eventuallySees(['Grace']);
    await ada.comeBack();
    expect(ada.socket.recovered).toBe(true);
    await eventuallySees(['Ada', 'Grace']);
    await eventuallyHealthy(name);
  }, 90_000);

  it('lets nobody into the room that every socket has for itself', async () => {
    const [ada, grace] = await Person.onTwoNodes(sample.url, newRoom());
    const { people } = (await ada.call('join', { room: grace.socket.id })) as { people: unknown[] };
    expect(people).toEqual([expect.objectContaining({ id: ada.socket.id })]);
  });

  it('answers with metrics and health on each node', async () => {
    for (const number of [1, 2]) {
      const metrics = await (await fetch(`${sample.nodeUrl(number)}/metrics`)).text();
      expect(metrics).toContain(`service_instance_id="node-${number}"`);
      expect(metrics).toMatch(/^socketio_adapter_cluster_size\S* 2/m);
      for (const page of ['health', 'ready']) {
        const health = await (await fetch(`${sample.nodeUrl(number)}/${page}`)).json();
        expect(health).toMatchObject({ status: 'ok', details: { 'redis-streams': { status: 'up' } } });
      }
    }
  });

  it('shows one trace of a message from its handler to the other node, on whichever node is asked', async () => {
    const room = newRoom();
    const [ada] = await Person.onTwoNodes(sample.url, room);
    const { name } = await ada.node();
    await ada.say(room, 'follow me');
    for (const number of [1, 2]) {
      await waitFor(async () => {
        const traces = (await (await fetch(`${sample.nodeUrl(number)}/traces.json`)).json()) as Span[][];
        return traces.some((spans) => {
          const [handler] = spans.filter((span) => span.attributes['socketio.event.name'] === 'message');
          const [publish] = spans.filter(
            (span) => span.parentSpanId === handler?.spanId && span.name.startsWith('xadd'),
          );
          const [process] = spans.filter((span) => span.parentSpanId === publish?.spanId && span.kind === 'consumer');
          return handler?.node === name && publish?.node === name && process && process.node !== name;
        });
      });
    }
  });

  it('sends traces of both nodes to the collector that the environment names', async () => {
    const room = newRoom();
    const [ada] = await Person.onTwoNodes(sample.url, room);
    await ada.say(room, 'follow me');
    await waitFor(() => {
      const all = collector.received.join('\n');
      return ['"process /"', '"xadd socket.io"', '"node-1"', '"node-2"'].every((part) => all.includes(part));
    });
  });

  it('serves a page that may run nothing but its own files', async () => {
    const page = await fetch(sample.url);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).not.toMatch(/<script(?![^>]* src=)|<style|style="|\son\w+=/);
  });
});

interface Span {
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: string;
  node: string;
  attributes: Record<string, string>;
}
