import { Routing } from '../../../src/adapter/stream/routing.js';

/** What spreads rooms over several streams. */
export const BY_ROOM = { streamBy: 'room', streamCount: 3 } as const;

/** A room in each of the streams, in their order. */
export const ROOMS: string[] = Array.from({ length: BY_ROOM.streamCount }, (_, i) => {
  for (let n = 0; ; n++) if (indexOf(`room-${n}`) === i) return `room-${n}`;
});

/** The index of the stream that carries a room of the namespace `/`. */
export function indexOf(room: string): number {
  const routing = new Routing({ ...BY_ROOM, streamName: '' });
  return routing.streams.indexOf(routing.streamOf('/', [room]));
}
