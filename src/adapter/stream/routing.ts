import type { ResolvedOptions } from '../options.js';

/** Which stream carries what. All nodes and emitters have to agree on it. */
export class Routing {
  /** Every stream. */
  readonly streams: readonly string[];
  readonly #byRoom: boolean;

  constructor({ streamName, streamCount, streamBy }: Pick<ResolvedOptions, 'streamName' | 'streamCount' | 'streamBy'>) {
    this.streams =
      streamCount === 1 ? [streamName] : Array.from({ length: streamCount }, (_, i) => `${streamName}-${i}`);
    this.#byRoom = streamBy === 'room';
  }

  /** The stream of what a namespace has for these rooms; with none, it is for all of it. */
  streamOf(namespace: string, rooms: readonly string[] = []): string {
    const { streams } = this;
    if (streams.length === 1) return streams[0]!;
    const value = hash(namespace);
    const chosen = this.#byRoom && rooms.length === 1 ? hash(rooms[0]!, value) : value;
    // never negative, which would name a stream that nobody reads
    return streams[Math.abs(chosen) % streams.length]!;
  }

  /** Every stream that may carry something of a namespace. */
  streamsOf(namespace: string): readonly string[] {
    return this.#byRoom ? this.streams : [this.streamOf(namespace)];
  }
}

/** The hash of the peer package. */
function hash(text: string, start = 0): number {
  let value = start;
  for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) | 0;
  return value;
}
