/** Checks that an adapter does not pass. A mark without `fails` skips the check: the failure is a race, or costs the cluster. */
export interface KnownFailure {
  checks: string[];
  /** Only with connection state recovery on, or off. Default: both. */
  recovery?: boolean;
  why: string;
  /** What the message of the failure must match. If the check passes, or fails for another reason, the run fails. */
  fails?: RegExp;
}

export const PEER: readonly KnownFailure[] = [
  {
    checks: ['the payload is what it was when emit() was called'],
    why: 'local clients are served after the XADD, with the object as it is then',
    fails: /n: 2/,
  },
  {
    checks: ['broadcasts keep their order, whether they ask for an acknowledgement or not'],
    why: 'those with an acknowledgement overtake the others: they go another way, and at once',
    fails: /deeply equal/,
  },
  {
    checks: ['acknowledgements that never came leave nothing behind'],
    why: 'a socket keeps the callback of a broadcast until its client answers or leaves',
    fails: /\d+,1,1 on the nodes/,
  },
  {
    checks: ['a broadcast operator of a parent namespace reaches the rooms of its children'],
    recovery: true,
    why: 'every child appends its offset to the same packet',
    fails: /deeply equal/,
  },
  {
    checks: [
      'a child namespace that was cleaned up is whole again for requests',
      'io.adapter() called again leaves one adapter at work',
    ],
    why: 'the adapter that was replaced stays subscribed and answers, too',
    fails: /timed out|deeply equal/,
  },
  {
    checks: ['a node whose child namespace was cleaned up is not counted in it'],
    why: 'a closed namespace stays subscribed, and so counted',
    fails: /timeout reached/,
  },
  {
    checks: ['offsets grow'],
    why: 'a race: local packets are delivered when the XADD is answered, whatever was read from the stream by then',
  },
  {
    checks: ['a last argument of a volatile or local packet is not taken for an offset'],
    why: 'the client takes a last argument that is a string for the offset',
    fails: /a string/,
  },
  {
    checks: ['gets no packet again that had an acknowledgement or was volatile or local'],
    why: 'volatile packets are in the stream like others, and are replayed',
    fails: /volatile/,
  },
  {
    checks: ['a session of another namespace makes a fresh connection'],
    why: 'sessions are not bound to a namespace',
    fails: /not to be/,
  },
  {
    checks: [
      ...nearFarAndReplayed('toJSON that makes binary data'),
      ...nearFarAndReplayed('toJSON that hides binary data'),
      ...nearFarAndReplayed('toJSON that makes an object with toJSON'),
      ...nearFarAndReplayed('functions and symbols beside binary data'),
    ],
    why: 'msgpack refuses the functions and symbols that the data hold, and nothing is published',
    fails: /strictly equal/,
  },
  {
    checks: nearFarAndReplayed('an ArrayBuffer'),
    why: 'msgpack makes an empty object of an ArrayBuffer',
    fails: /strictly equal/,
  },
  {
    checks: nearFarAndReplayed('undefined beside binary data'),
    why: 'msgpack makes null of an undefined property',
    fails: /strictly equal/,
  },
  {
    checks: [
      'what cannot be serialised throws at the caller, recovery off',
      'what cannot be serialised throws at the caller, recovery on',
    ],
    why: 'the error is thrown later, where nobody catches it, and ends the process',
    fails: /false, false, false|ended/,
  },
  {
    checks: ['close() may follow the making of a namespace at once'],
    why: 'the subscription that is under way is rejected, which nobody catches, and ends the process',
    fails: /code: 1|ended/,
  },
  {
    checks: ['two servers in one process that share a factory, on two paths, are two clusters'],
    why: 'the second server takes the place of the first, which gets nothing any more',
    fails: /0 came/,
  },
];

/** What is another way, and what is looked for elsewhere, where the rooms of a namespace are spread over several streams. */
export const BY_ROOM: readonly KnownFailure[] = [
  {
    checks: ['many packets arrive in the order in which they were emitted'],
    why: 'every other packet is for a room, and those and the others are in two orders',
  },
  {
    checks: ['a broadcast after socketsJoin() reaches the room, one after socketsLeave() does not'],
    why: 'the operations are for all sockets, and the broadcasts for a room: they are in two orders',
  },
  {
    checks: ['a packet ends with its offset in the stream, the same for every client'],
    why: 'an offset is of several streams',
    fails: /deeply equal/,
  },
  {
    checks: ['replayed packets carry the offsets that live ones have'],
    why: 'they carry where their client has come to in each stream, not where the node has',
  },
  {
    checks: [
      'gets what was for its rooms at the same node, and nothing else',
      'gets what was for its rooms at another node, and nothing else',
    ],
    why: 'it looks at the order of packets for different rooms',
  },
  {
    checks: ['a malformed, unknown or impossible offset makes a fresh connection'],
    why: 'an offset of fewer streams is one from before the session, and does no harm',
    fails: /not to be/,
  },
  {
    checks: [
      'gets a packet of socket.emit() that was lost on the way',
      'a client whose missed packets were trimmed starts afresh',
      'what emitters outside of the cluster publish is delivered, and they are not counted',
    ],
    why: 'they look at, or publish to, the only stream of a cluster',
    fails: /Waited/,
  },
];

function nearFarAndReplayed(kind: string): string[] {
  return [`${kind}: near and far`, `${kind}: replayed`];
}
