import { EventEmitter } from 'node:events';
import { toError } from './errors.js';
import type { ConnectionRole } from './telemetry-port.js';

/** What happens to a node and its cluster, for the application to react to. Each is raised once an occurrence, not once a packet. */
export interface RedisStreamsEvents {
  /** The stream no longer held the entries that this node would have read next. */
  gap: [
    event: {
      /** Key of the stream. */
      stream: string;
      /** Id of the last entry before the gap. */
      from: string;
      /** Id of the first entry after it. */
      to: string;
      /** How many messages are lost to this node, as far as is known: of each entry one, where it cannot be told how many it held. */
      missed: number;
    },
  ];
  /** The outbox is full and drops messages, which `messageDropped` counts; raised once until it is empty again. */
  outboxOverflow: [
    event: {
      /** Messages in the outbox. */
      waiting: number;
      /** The option that sets the limit. */
      limit: 'outboxMaxLen' | 'outboxMaxBytes';
    },
  ];
  /** The stream was deleted or restarted behind this node, which reads on from the new beginning. */
  streamReset: [
    event: {
      /** Key of the stream. */
      stream: string;
      /** Id of the former stream up to which this node had read. */
      position: string;
    },
  ];
  /**
   * The stream, of which entries are trimmed away, reaches back `retention` ms, which is less than a client may be away and be recovered.
   * Raised once until it reaches back twice as far as that.
   */
  retentionTooShort: [
    event: {
      /** Key of the stream. */
      stream: string;
      /** How far back it reaches, in milliseconds. */
      retention: number;
      /** How long a client may be away and be recovered, in milliseconds. */
      maxDisconnectionDuration: number;
    },
  ];
  /** Another node joined the cluster. */
  nodeJoined: [
    event: {
      /** The node. */
      uid: string;
      /** Nodes in the cluster now, this one included. */
      clusterSize: number;
    },
  ];
  /** Another node left the cluster: `left` gracefully, `lost` after `heartbeatTimeout` of silence. */
  nodeLeft: [
    event: {
      /** The node. */
      uid: string;
      /** Whether it said farewell, or fell silent. */
      reason: 'left' | 'lost';
      /** Nodes in the cluster now, this one included. */
      clusterSize: number;
    },
  ];
  /**
   * A node is about whose options set it apart from this one, or that is of another package: raised once a minute at most for each, and for
   * as long as it is; of one that is only not heard, once.
   */
  nodeMismatch: [
    event: {
      /** Which node it is, what sets it apart, and what to do. */
      reason: string;
      /** How often it showed since it was last raised. */
      count: number;
    },
  ];
  /** A connection to Redis was lost. It is being restored. */
  connectionLost: [
    event: {
      /** What the connection is for. */
      role: ConnectionRole;
      /** Why it was lost, where that is known. */
      error: Error | undefined;
    },
  ];
  /** A connection to Redis is ready, for the first time or again. */
  connectionReady: [
    event: {
      /** What the connection is for. */
      role: ConnectionRole;
      /** Whether it is its first time. */
      first: boolean;
    },
  ];
  /**
   * Redis refuses a command without which this node does not publish (`XADD`), receives nothing (`XREAD`, `XINFO`), or is not known to the
   * others (`PUBLISH`, `SPUBLISH`), as for want of a permission or of memory. It is asked again until it accepts the command. Raised once a minute at most for each command and reason.
   */
  commandRefused: [
    event: {
      /** The command. */
      command: 'XADD' | 'XREAD' | 'XINFO' | 'PUBLISH' | 'SPUBLISH';
      /** What Redis says, which begins with a word in capitals: `NOPERM …`, `OOM …`. */
      reason: string;
      /** How often it was refused since it was last raised. */
      count: number;
    },
  ];
  /**
   * An entry or a channel message could not be used and was skipped, a message was larger than Redis takes, or found the outbox full, or a
   * listener threw; raised at once the first time, and then once a minute at most, with how many there were.
   */
  messageDropped: [
    event: {
      /** What was wrong, as a sentence. */
      reason: string;
      /** How many messages it happened to since it was last raised. */
      count: number;
    },
  ];
  /**
   * The session of a client could not be written, as a rule because `socket.data` holds what cannot be serialised: the client is not
   * recovered when it comes back. Raised once a minute at most, with how many there were.
   */
  sessionNotSaved: [
    event: {
      /** The namespace, and what was wrong. */
      reason: string;
      /** How many sessions it happened to since it was last raised. */
      count: number;
    },
  ];
}

/** What listens to events of a map. Node's own type of an emitter takes any event, in some of its versions. */
export interface EventSubscriptions<Events extends Record<keyof Events, unknown[]>> {
  /** Calls `listener` each time that the event is raised. */
  on<Name extends keyof Events & string>(name: Name, listener: (...event: Events[Name]) => void): this;
  /** Calls `listener` the next time that the event is raised. */
  once<Name extends keyof Events & string>(name: Name, listener: (...event: Events[Name]) => void): this;
  /** Calls `listener` no more. */
  off<Name extends keyof Events & string>(name: Name, listener: (...event: Events[Name]) => void): this;
}

/**
 * An emitter whose listeners cannot get in the way of each other, nor of those who have something to tell, such as the reader of the
 * stream: what they throw goes to `onThrown`. Default: it becomes a warning of the process.
 */
export function containedEvents(
  onThrown: (name: string, error: Error) => void = (_name, error) => process.emitWarning(error),
): EventEmitter<RedisStreamsEvents> {
  return new ContainedEvents(onThrown) as EventEmitter as EventEmitter<RedisStreamsEvents>;
}

class ContainedEvents extends EventEmitter {
  readonly #onThrown: (name: string, error: Error) => void;

  constructor(onThrown: (name: string, error: Error) => void) {
    super();
    this.#onThrown = onThrown;
  }

  override emit(name: string, ...event: unknown[]): boolean {
    const listeners = this.rawListeners(name);
    for (const listener of listeners) {
      try {
        Reflect.apply(listener, this, event);
      } catch (error) {
        this.#onThrown(name, toError(error));
      }
    }
    return listeners.length > 0;
  }
}
