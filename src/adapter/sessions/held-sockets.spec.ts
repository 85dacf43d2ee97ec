import { beforeEach, describe, expect, it } from 'vitest';
import type { NamespaceLike, SocketLike } from '../socket-io.js';
import { Payload } from '../wire/payload.js';
import { HeldSockets, type HeldSocket } from './held-sockets.js';
import type { MissedPacket } from './missed-packets.js';

const MEBIBYTE = 1_048_576;

/** What Socket.IO has of a socket that is not connected yet. */
interface Connecting {
  conn: { readyState: string; close(): void };
  _cleanup(): void;
}

let connecting: Map<string, Connecting>;
let rooms: Map<string, ReadonlySet<string>>;
let sockets: HeldSockets;

beforeEach(() => {
  connecting = new Map();
  rooms = new Map();
  sockets = held(0);
});

function held(recentMaxBytes: number): HeldSockets {
  const nsp = { _preConnectSockets: connecting as unknown as Map<string, SocketLike> } as unknown as NamespaceLike;
  return new HeldSockets(
    {
      nsp,
      sids: rooms,
      addAll: (sid, names) => rooms.set(sid, names),
      delAll: (sid) => rooms.delete(sid),
      write: () => undefined,
    },
    recentMaxBytes,
  );
}

/** As when Socket.IO has made the socket and asks the middleware. */
function connect(sid: string): Connecting {
  const socket: Connecting = {
    conn: { readyState: 'open', close: () => (socket.conn.readyState = 'closed') },
    _cleanup: () => {
      connecting.delete(sid);
      rooms.delete(sid);
      sockets.remove(sid);
    },
  };
  connecting.set(sid, socket);
  return socket;
}

function session(pid: string): HeldSocket {
  return { pid, since: '1-0', offset: '2-0', from: '2-0', packets: [] };
}

function packet(n: number): MissedPacket {
  return { offset: `${n}-0`, payload: Payload.of([n]), compress: undefined };
}

describe('a socket that is not connected yet', () => {
  it('is in its rooms, and keeps what comes in, in order, until it is removed', () => {
    const one = session('pid');
    sockets.add('sid', ['room'], one);
    expect(rooms.get('sid')).toEqual(new Set(['room']));
    expect([1, 2, 3].map((n) => sockets.hold('sid', packet(n), 10))).toEqual([true, true, true]);
    expect(sockets.get('sid')).toBe(one);
    expect(sockets.remove('sid')!.packets.map(({ offset }) => offset)).toEqual(['1-0', '2-0', '3-0']);
    expect([sockets.hold('sid', packet(4), 10), sockets.get('sid'), sockets.remove('sid')]).toEqual([
      false,
      undefined,
      undefined,
    ]);
  });

  it('is as if it had never been when that is undone', () => {
    sockets.add('sid', ['room'], session('pid'));
    sockets.undo('sid');
    expect([rooms.size, sockets.get('sid'), sockets.cutOff('pid')]).toEqual([0, undefined, false]);
  });

  it.each([
    [0, MEBIBYTE],
    [5 * MEBIBYTE, 5 * MEBIBYTE],
  ])('is cut off when what came in meanwhile takes more than a node with %i bytes keeps', (recentMaxBytes, limit) => {
    sockets = held(recentMaxBytes);
    // what it missed before is not counted
    sockets.add('sid', [], { ...session('pid'), packets: Array.from({ length: 10_000 }, (_, n) => packet(n)) });
    const socket = connect('sid');
    sockets.hold('sid', packet(1), limit - 1_000);
    expect(socket.conn.readyState).toBe('open');
    expect(sockets.hold('sid', packet(2), 1_000)).toBe(true);
    expect([socket.conn.readyState, sockets.get('sid'), rooms.size]).toEqual(['closed', undefined, 0]);
  });

  it('is cut off for its session, and does no harm when its middleware lets it go on', () => {
    sockets.add('sid', ['room'], session('pid'));
    const socket = connect('sid');
    expect(sockets.cutOff('pid')).toBe(true);
    // its client is back on the same node, with the same id
    sockets.add('sid', ['room'], session('pid'));
    const next = connect('sid');
    socket._cleanup();
    expect([socket.conn.readyState, next.conn.readyState]).toEqual(['closed', 'open']);
    expect([connecting.get('sid'), rooms.has('sid'), sockets.hold('sid', packet(1), 1)]).toEqual([next, true, true]);
  });

  it('is let go of when its connection has ended, and not before', () => {
    sockets.add('sid', [], session('pid'));
    const socket = connect('sid');
    sockets.review('pid');
    sockets.review('another');
    expect(sockets.get('sid')).toBeDefined();
    socket.conn.readyState = 'closed';
    sockets.review('pid');
    expect([sockets.get('sid'), connecting.size]).toEqual([undefined, 0]);
  });
});
