import { MessageType, type BroadcastOptions } from 'socket.io-adapter';
import type { Packet } from '../socket-io.js';
import type { MessageTypeName, ReceivedMessage, TraceCarrier } from '../telemetry-port.js';

/** Which sockets a message is for, as it travels. */
export interface WireOptions {
  rooms: string[];
  except: string[];
  flags: WireFlags;
}

export interface WireFlags {
  volatile?: boolean;
  compress?: boolean;
  timeout?: number;
  expectSingleResponse?: boolean;
  /** Of a request for sockets, only their number is wanted. */
  countOnly?: boolean;
  /** The id under which the node that published awaits the acknowledgement of one socket of its own; nobody else delivers the packet. */
  ackId?: number;
}

/** The options of a broadcast as they travel. */
export function wireOptions({ rooms, except, flags }: BroadcastOptions): WireOptions {
  return { rooms: [...rooms], except: [...(except ?? [])], flags: flags ?? {} };
}

/** The options of a message as Socket.IO has them. */
export function broadcastOptions({ rooms, except, flags }: WireOptions): BroadcastOptions {
  return { rooms: new Set(rooms), except: new Set(except), flags };
}

/** What the other nodes are told, by type. Requests carry a `requestId`, under which the answers come back. */
export type ClusterMessage =
  | { type: MessageType.BROADCAST; data: { opts: WireOptions; packet: Packet; requestId?: string } }
  | { type: MessageType.SOCKETS_JOIN; data: { opts: WireOptions; rooms: string[] } }
  | { type: MessageType.SOCKETS_LEAVE; data: { opts: WireOptions; rooms: string[] } }
  | { type: MessageType.DISCONNECT_SOCKETS; data: { opts: WireOptions; close: boolean } }
  | { type: MessageType.FETCH_SOCKETS; data: { opts: WireOptions; requestId: string } }
  | { type: MessageType.SERVER_SIDE_EMIT; data: { packet: unknown[]; requestId?: string } };

/** Where a message comes from. */
export interface Sender {
  /** The node; `emitter` for a process that only emits. */
  uid: string;
  namespace: string;
  /** The sender is a node of the peer package: it reads answers from the channel of its namespace. */
  foreign: boolean;
}

/** An entry of the stream whose fields are there and of the right form. Its data is decoded only when someone needs it. */
export class StreamEntry implements ReceivedMessage {
  /** Number of the entry among those of its publisher; `undefined` for an entry of the peer package. */
  seq: number | undefined;
  /** Length of the options in the data, in bytes; 0 when it is not laid out that way. */
  optionsLength = 0;
  /** The id under which answers are awaited, where a node of this package asks. */
  requestId: string | undefined;
  /** Published by this node itself. */
  own = false;

  constructor(
    readonly stream: string,
    readonly id: string,
    readonly uid: string,
    readonly namespace: string,
    readonly messageType: number,
    /** Who numbers the entry: the node, unless it comes from a process without a Server. */
    readonly publisher: string,
    readonly carrier: TraceCarrier | undefined,
    /** What the entry carries, as text in UTF-8. */
    private bytes: Buffer,
  ) {}

  get type(): MessageTypeName {
    return typeName(this.messageType, this.requestId !== undefined);
  }

  get data(): Buffer {
    return this.bytes;
  }

  /** The entry is to be remembered: its data is a window on a whole reply, which it must not keep alive. */
  detach(): this {
    this.bytes = Buffer.from(this.bytes);
    return this;
  }
}

/** The name of a message's type in spans and metrics. */
export function typeName(type: number, withAck: boolean): MessageTypeName {
  switch (type) {
    case MessageType.BROADCAST:
      return withAck ? 'broadcast_with_ack' : 'broadcast';
    case MessageType.SOCKETS_JOIN:
      return 'sockets_join';
    case MessageType.SOCKETS_LEAVE:
      return 'sockets_leave';
    case MessageType.DISCONNECT_SOCKETS:
      return 'disconnect_sockets';
    case MessageType.FETCH_SOCKETS:
      return 'fetch_sockets';
    case MessageType.SERVER_SIDE_EMIT:
      return withAck ? 'server_side_emit_with_ack' : 'server_side_emit';
    case MessageType.FETCH_SOCKETS_RESPONSE:
    case MessageType.SERVER_SIDE_EMIT_RESPONSE:
    case MessageType.BROADCAST_CLIENT_COUNT:
    case MessageType.BROADCAST_ACK:
      return 'response';
    default:
      return 'unknown';
  }
}
