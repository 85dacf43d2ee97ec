import { EventEmitter } from 'node:events';
import { toError } from './errors.js';

/** What happens to a node and its cluster, for the application to react to. Each is raised once an occurrence, not once a packet. */
export interface RedisStreamsEvents {
  /** The stream no longer held the entries that this node would have read next. `missed` where it can be told. */
  gap: [event: { stream: string; from: string; to: string; missed: number | undefined }];
  /** The outbox is full and drops messages, which `messageDropped` counts; raised once until it is empty again. */
  outboxOverflow: [event: { waiting: number; limit: 'outboxMaxLen' | 'outboxMaxBytes' }];
  /** The stream was deleted or restarted behind this node, which reads on from the new beginning. */
  streamReset: [event: { stream: string; position: string }];
  /** Another node joined the cluster. */
  nodeJoined: [event: { uid: string; clusterSize: number }];
  /** Another node left the cluster: `left` gracefully, `lost` after `heartbeatTimeout` of silence. */
  nodeLeft: [event: { uid: string; reason: 'left' | 'lost'; clusterSize: number }];
  /** A connection to Redis was lost. It is being restored. */
  connectionLost: [event: { role: 'writer' | 'reader' | 'subscriber'; error: Error | undefined }];
  /** A connection to Redis is ready, for the first time or again. */
  connectionReady: [event: { role: 'writer' | 'reader' | 'subscriber'; first: boolean }];
  /** An entry or a channel message could not be used and was skipped; raised once a minute at most, with how many there were. */
  messageDropped: [event: { reason: string; count: number }];
}

/** What listens to events of a map. Node's own type of an emitter takes any event, in some of its versions. */
export interface EventSubscriptions<Events extends Record<keyof Events, unknown[]>> {
  on<Name extends keyof Events & string>(name: Name, listener: (...event: Events[Name]) => void): this;
  once<Name extends keyof Events & string>(name: Name, listener: (...event: Events[Name]) => void): this;
  off<Name extends keyof Events & string>(name: Name, listener: (...event: Events[Name]) => void): this;
}

/**
 * An emitter whose listeners cannot get in the way of those who have something to tell, such as the reader of the stream: what they
 * throw becomes a warning of the process.
 */
export function containedEvents(): EventEmitter<RedisStreamsEvents> {
  return new ContainedEvents() as EventEmitter<RedisStreamsEvents>;
}

class ContainedEvents extends EventEmitter {
  override emit(name: string, ...event: unknown[]): boolean {
    try {
      return super.emit(name, ...event);
    } catch (error) {
      process.emitWarning(toError(error));
      return true;
    }
  }
}
