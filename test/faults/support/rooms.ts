import { indexOfStream, roomInEachStream } from '../../harness/rooms.js';

/** What spreads rooms over several streams. */
export const BY_ROOM = { streamBy: 'room', streamCount: 3 } as const;

/** A room of the namespace `/` in each of the streams, in their order. */
export const ROOMS = roomInEachStream('/', BY_ROOM.streamCount);

/** The index of the stream that carries a room of the namespace `/`. */
export function indexOf(room: string): number {
  return indexOfStream('/', room, BY_ROOM.streamCount);
}
