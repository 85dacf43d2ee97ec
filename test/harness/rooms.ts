import { Routing } from '../../src/adapter/stream/routing.js';

/** The index of the stream that carries a room, where rooms are spread over so many. */
export function indexOfStream(namespace: string, room: string, streamCount: number): number {
  const routing = new Routing({ streamName: '', streamCount, streamBy: 'room' });
  return routing.streams.indexOf(routing.streamOf(namespace, [room]));
}

/** The name of a room in each of the streams, in their order. */
export function roomInEachStream(namespace: string, streamCount: number): string[] {
  return Array.from({ length: streamCount }, (_, i) => {
    for (let n = 0; ; n++) if (indexOfStream(namespace, `room-${n}`, streamCount) === i) return `room-${n}`;
  });
}
