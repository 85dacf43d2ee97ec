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

/** What of a message is the same wherever it goes. */
export interface EncodedMessage {
  type: number;
  /** JSON, or MessagePack in base64 where there is binary data. */
  data: string;
  /** Length of the options in `data`, in bytes; 0 when it is not laid out so that they can be told without parsing it. */
  optionsLength: number;
  requestId: string | undefined;
}

/** A message on its way into the log. */
export interface OutgoingMessage extends EncodedMessage {
  namespace: string;
  carrier: TraceCarrier | undefined;
}

/** Who the messages of a process without a Server are from, for every node: nobody who is counted, or asked anything. The peer package has the same name for it. */
export const EMITTER = 'emitter';

/** Where a message comes from. */
export interface Sender {
  /** The node, or {@link EMITTER}. */
  uid: string;
  namespace: string;
  /** The sender is a node of the peer package: it reads answers from the channel of its namespace. */
  foreign: boolean;
}

/** A message of the stream, whose fields are there and of the right form. Its data is decoded only when someone needs it. */
export class StreamMessage implements ReceivedMessage {
  /** Length of the options in the data, in bytes; 0 when it is not laid out that way. */
  optionsLength = 0;
  /** The id under which answers are awaited, where a node of this package asks. */
  requestId: string | undefined;
  /** Trace context that came along. */
  carrier: TraceCarrier | undefined;
  /** Published by this node itself. */
  own = false;

  constructor(
    readonly stream: string,
    /** The position behind it. */
    readonly id: string,
    readonly uid: string,
    readonly namespace: string,
    readonly messageType: number,
    /** What it carries, as text in UTF-8. */
    private bytes: Buffer,
  ) {}

  get type(): MessageTypeName {
    return typeName(this.messageType, this.requestId !== undefined);
  }

  get data(): Buffer {
    return this.bytes;
  }

  /** The message is to be remembered: its data is a window on a whole reply, which it must not keep alive. */
  detach(): this {
    this.bytes = Buffer.from(this.bytes);
    return this;
  }
}

/** An entry of the stream: what was added to it at once. */
export interface StreamEntry {
  id: string;
  /** Who numbers the messages: the node, unless it comes from a process without a Server. */
  publisher: string;
  /** Number of its first message among those of its publisher; `undefined` for an entry of the peer package. */
  seq: number | undefined;
  /** In the order in which they were published; at least one. */
  messages: StreamMessage[];
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
