import type { ResolvedOptions } from '../options.js';

/** What decides which stream carries what. */
export type Layout = Pick<ResolvedOptions, 'streamName' | 'streamCount' | 'streamBy'>;

/** Which stream carries what. All nodes and emitters have to agree on it. */
export class Routing {
  /** Every stream. */
  readonly streams: readonly string[];
  /** Whether the rooms of a namespace are spread over several streams. */
  readonly byRoom: boolean;

  constructor({ streamName, streamCount, streamBy }: Layout) {
    this.streams =
      streamCount === 1 ? [streamName] : Array.from({ length: streamCount }, (_, i) => `${streamName}-${i}`);
    this.byRoom = streamBy === 'room' && streamCount > 1;
  }

  /** The stream of what a namespace has for these rooms; with none, it is for all of it. */
  streamOf(namespace: string, rooms: readonly string[] = []): string {
    const { streams } = this;
    if (streams.length === 1) return streams[0]!;
    const value = hash(namespace);
    const chosen = this.byRoom && rooms.length === 1 ? mix(hash(String(rooms[0]), value)) : value;
    // never negative, which would name a stream that nobody reads
    return streams[Math.abs(chosen) % streams.length]!;
  }

  /** Every stream that may carry something of a namespace. */
  streamsOf(namespace: string): readonly string[] {
    return this.byRoom ? this.streams : [this.streamOf(namespace)];
  }
}

/** The hash of the peer package. */
function hash(text: string, start = 0): number {
  let value = start;
  for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) | 0;
  return value;
}

/**
 * Spreads what {@link hash} makes of names that differ in few places, as those of rooms do: by itself, it sends some kinds of them to few of
 * the streams. The finalizer of MurmurHash3, see https://github.com/aappleby/smhasher/wiki/MurmurHash3
 */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}
