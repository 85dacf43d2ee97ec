// Every socket is in a Socket.IO room named by its id, too. The prefix keeps a chat room from being named like one, and so
// from hearing what is meant for that socket alone.
const PREFIX = 'chat:';

/** The Socket.IO room of a chat room. */
export function channelOf(room: string): string {
  return PREFIX + room;
}

/** The chat rooms among Socket.IO rooms. */
export function roomsIn(channels: Iterable<string>): string[] {
  return [...channels].filter((channel) => channel.startsWith(PREFIX)).map((channel) => channel.slice(PREFIX.length));
}
