import type { NamespaceLike, SocketLike } from '../socket-io.js';
import type { MissedPacket } from './missed-packets.js';

/** What a namespace does for its sockets with connection state recovery. */
export interface RecoveryHost {
  readonly nsp: NamespaceLike;
  /** The rooms of each socket. */
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
  addAll(sid: string, rooms: Set<string>): void;
  delAll(sid: string): void;
  write(socket: SocketLike, packet: MissedPacket): void;
}
