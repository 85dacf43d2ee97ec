import { encodePositions, type Positions } from '../stream/positions.js';
import { comparePositions } from '../stream/stream-id.js';
import type { MissedMessage, MissedPacket } from './missed-packets.js';

/** The streams of a namespace, and where in each of them a client goes on. */
export interface Start {
  streams: readonly string[];
  positions: Positions;
}

/**
 * Makes packets of what a client missed, in the order in which it is to receive it: what is in one stream in its order, and what is in
 * several about as it was published. Each has the offset of a client that has received the packets up to it.
 */
export function replay(missed: readonly MissedMessage[], { streams, positions }: Start): MissedPacket[] {
  if (streams.length === 1) return missed.map((message) => packetOf(message, message.id));
  const reached = [...positions];
  return missed
    .toSorted((a, b) => comparePositions(a.id, b.id))
    .map((message) => {
      reached[streams.indexOf(message.stream)] = message.id;
      return packetOf(message, encodePositions(reached));
    });
}

/** When a node fails, all of its clients have missed the same messages, as a rule from the same offset on. */
const packets = new WeakMap<MissedMessage, MissedPacket>();

function packetOf(message: MissedMessage, offset: string): MissedPacket {
  let packet = packets.get(message);
  if (packet?.offset !== offset) {
    packet = { offset, payload: message.payload.withOffset(offset), compress: message.compress };
    packets.set(message, packet);
  }
  return packet;
}
