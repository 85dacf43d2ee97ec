import { setTimeout as sleep } from 'node:timers/promises';
import { io as connect, type Socket } from 'socket.io-client';
import type { Cluster } from '../../harness/cluster.js';
import type { NodeFunction } from '../../harness/node-context.js';
import type { ServerNode } from '../../harness/server-node.js';
import { waitFor } from '../../harness/wait-for.js';

export interface FireOptions {
  /** Clients, each in the room `fire`. Default 30. */
  clients?: number;
  /** Packets that each of the publishers publishes. Default 3_000. */
  packets?: number;
  /** The rooms that the packets go to in turn, the name '' standing for the whole namespace. Default: `fire`. */
  rooms?: readonly string[];
  /** Default: every node. */
  publishers?: readonly ServerNode[];
  /** Every tenth packet is followed by a volatile and a local one that end with a string. Default `false`. */
  mixed?: boolean;
  /** Runs once half of the packets are published. */
  halfway?: () => Promise<void>;
  /** How long after the last packet every client may take to have them all, in milliseconds. Default 60_000. */
  deadline?: number;
}

/** What became of the packets, over all clients. */
export interface FireReport {
  /** How often a client came back, and how often it was not recovered then. */
  returns: number;
  notRecovered: number;
  lost: number;
  twice: number;
  /** Packets that came after a later one of the same node for the same room. */
  outOfOrder: number;
  /** Clients whose packets came in another order than those of the first client, for some room. */
  differing: number;
  /** Volatile and local packets that came. */
  mixed: number;
}

/** A busy machine takes its time, and a call to a node has a deadline. */
const PER_CALL = 500;
const PUBLISHER = 1e9;

/** The `setup` of nodes under fire. */
export const joinRoom: NodeFunction<[], void> = (io) => {
  io.on('connection', (socket) => {
    if (!socket.recovered) void socket.join('fire');
  });
};

/** As {@link joinRoom}, into many rooms. */
export const joinRooms: NodeFunction<[], void> = (io) => {
  io.on('connection', (socket) => {
    if (!socket.recovered) void socket.join(['fire', ...Array.from({ length: 20 }, (_, n) => `room-${n}`)]);
  });
};

/** As {@link joinRoom}, with a middleware that takes its time. */
export const joinRoomAfterMiddleware: NodeFunction<[], void> = (io) => {
  io.use((_socket, next) => void setTimeout(next, 5 + Math.random() * 10));
  io.on('connection', (socket) => {
    if (!socket.recovered) void socket.join('fire');
  });
};

/** Nodes publish while clients lose their connections and come back to a node chosen at random. */
export async function underFire(cluster: Cluster, options: FireOptions = {}): Promise<FireReport> {
  const { clients: count = 30, packets = 3_000, mixed = false, halfway, deadline = 60_000 } = options;
  const { publishers = cluster.nodes, rooms = ['fire'] } = options;
  const urls = (): string[] => cluster.nodes.filter(({ alive }) => alive).map(({ url }) => url);
  const clients = Array.from({ length: count }, () => new RestlessClient(urls));
  try {
    await ready(cluster, clients);
    const firing = new AbortController();
    const fire = cutOff(clients, firing.signal, 3);
    const half = Math.ceil(packets / 2);
    await publish(publishers, 0, half, mixed, rooms);
    const meanwhile = halfway?.();
    await publish(publishers, half, packets, mixed, rooms);
    await meanwhile;
    firing.abort();
    await fire;
    await settled(clients, packets * publishers.length, deadline);
    return report(clients, packets * publishers.length, rooms.length);
  } finally {
    for (const client of clients) client.close();
  }
}

/** Waits until each client has a packet: without an offset none can recover. */
export async function ready(cluster: Cluster, clients: readonly RestlessClient[]): Promise<void> {
  const deadline = 20_000;
  await waitFor(() => clients.every(({ socket }) => socket.connected), {
    deadline,
    what: 'all clients to be connected',
  });
  await cluster.node(0).run((io) => io.to('fire').emit('first', 1));
  await waitFor(() => clients.every(({ first }) => first), { deadline, what: 'the first packet to reach all clients' });
}

/** Cuts clients off, `atOnce` of them every few milliseconds, until `signal` is aborted. */
export async function cutOff(clients: readonly RestlessClient[], signal: AbortSignal, atOnce = 1): Promise<void> {
  while (!signal.aborted) {
    for (let i = 0; i < atOnce; i += 1) random(clients).cutOff();
    await sleep(2 + Math.random() * 5);
  }
}

/** Waits until every client is connected and has `packets` packets; what is missing then is for the report. */
export async function settled(clients: readonly RestlessClient[], packets: number, deadline: number): Promise<void> {
  const complete = (): boolean => clients.every(({ socket, seen }) => socket.connected && seen.length >= packets);
  await waitFor(complete, { deadline, interval: 20 }).catch(() => undefined);
}

/** What became of `packets` packets. */
export function report(clients: readonly RestlessClient[], packets: number, rooms = 1): FireReport {
  const sum = (of: (client: RestlessClient) => number): number => clients.reduce((total, one) => total + of(one), 0);
  const reference = orders(clients[0]!, rooms);
  return {
    returns: sum(({ returns }) => returns),
    notRecovered: sum(({ notRecovered }) => notRecovered),
    lost: sum(({ seen }) => packets - new Set(seen).size),
    twice: sum(({ seen }) => seen.length - new Set(seen).size),
    outOfOrder: sum((client) => outOfOrder(client, rooms)),
    differing: clients.filter((client) => orders(client, rooms) !== reference).length,
    mixed: sum((client) => client.mixed),
  };
}

async function publish(
  publishers: readonly ServerNode[],
  from: number,
  to: number,
  mixed: boolean,
  rooms: readonly string[],
): Promise<void> {
  for (let first = from; first < to; first += PER_CALL) {
    const last = Math.min(to, first + PER_CALL);
    await Promise.all(
      publishers.map((node, publisher) =>
        node.run(
          async (io, _ctx, me, begin, end, withOthers, names) => {
            for (let n = begin; n < end; n += 1) {
              const room = names[n % names.length]!;
              (room === '' ? io : io.to(room)).emit('packet', me, n);
              if (withOthers && n % 10 === 0) {
                io.volatile.to('fire').emit('other', 'a string');
                io.local.to('fire').emit('other', n, 'a string');
              }
              if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
            }
          },
          publisher,
          first,
          last,
          mixed,
          rooms,
        ),
      ),
    );
  }
}

/** A client that comes back at once when it has lost its connection, to a server chosen at random. */
export class RestlessClient {
  readonly socket: Socket;
  /** The packets that came, in order, as one number each. */
  readonly seen: number[] = [];
  first = false;
  returns = 0;
  notRecovered = 0;
  mixed = 0;
  #connections = 0;

  constructor(urls: () => readonly string[]) {
    this.socket = connect(random(urls()), {
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 5,
      reconnectionDelayMax: 20,
    });
    // The manager reads its address anew each time it opens; there is no public way to change it.
    this.socket.io.on('reconnect_attempt', () => Object.assign(this.socket.io, { uri: random(urls()) }));
    this.socket.on('packet', (publisher: number, n: number) => this.seen.push(publisher * PUBLISHER + n));
    this.socket.on('first', () => (this.first = true));
    this.socket.on('other', () => (this.mixed += 1));
    this.socket.on('connect', () => {
      this.#connections += 1;
      if (this.#connections === 1) return;
      this.returns += 1;
      if (!this.socket.recovered) this.notRecovered += 1;
    });
  }

  /** Loses the connection, however far it has got. */
  cutOff(): void {
    const { engine } = this.socket.io;
    if (engine.readyState === 'open') engine.close();
  }

  close(): void {
    this.socket.disconnect();
  }
}

function outOfOrder({ seen }: RestlessClient, rooms: number): number {
  const latest = new Map<string, number>();
  let count = 0;
  for (const packet of seen) {
    const lane = `${Math.floor(packet / PUBLISHER)} ${roomOf(packet, rooms)}`;
    if (packet < (latest.get(lane) ?? 0)) count += 1;
    else latest.set(lane, packet);
  }
  return count;
}

/** The order of the packets in each room. */
function orders({ seen }: RestlessClient, rooms: number): string {
  return Array.from({ length: rooms }, (_, room) =>
    seen.filter((packet) => roomOf(packet, rooms) === room).join(),
  ).join(';');
}

/** The index of the room that the packet went to. */
function roomOf(packet: number, rooms: number): number {
  return (packet % PUBLISHER) % rooms;
}

function random<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)]!;
}
