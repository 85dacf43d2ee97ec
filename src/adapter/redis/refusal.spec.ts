import { describe, expect, it } from 'vitest';
import { isTooLarge, refusalIn } from './refusal.js';

describe('refusalIn()', () => {
  it.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'LOADING Redis is loading the dataset in memory',
    'CLUSTERDOWN The cluster is down',
    'ERR unknown command',
    "NOPERM this user has no permissions to run the 'xadd' command or its subcommand",
    'NOPERM No permissions to access a key',
  ])('is what Redis says: %s', (message) => {
    expect(refusalIn(new Error(message))).toBe(message);
  });

  it('names no user', () => {
    const named = "NOPERM User socketio has no permissions to run the 'xadd' command";
    expect(refusalIn(new Error(named))).toBe("NOPERM this user has no permissions to run the 'xadd' command");
  });

  it.each([
    'read ECONNRESET',
    'Socket closed unexpectedly',
    'Connection is closed.',
    'Redis has answered nothing for 10000 ms.',
    'A channel was moved to another node of the cluster.',
    'MOVED 3999 127.0.0.1:6381',
    'ASK 3999 127.0.0.1:6381',
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    '',
  ])('is nothing where Redis refuses nothing: %s', (message) => {
    expect(refusalIn(new Error(message))).toBe(undefined);
  });
});

describe('isTooLarge()', () => {
  it.each([
    'ERR Protocol error: invalid bulk length',
    'ERR Elements are too large to be stored',
    'ERR max request size exceeded. Limit: 1048576 bytes, Actual: 2097200 bytes.',
  ])('tells what is refused whenever it is sent: %s', (reason) => {
    expect(isTooLarge(reason)).toBe(true);
  });

  it.each([
    'ERR Protocol error: unauthenticated bulk length',
    'ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.',
    "OOM command not allowed when used memory > 'maxmemory'.",
    'ERR unknown command',
  ])('from what may be taken another time: %s', (reason) => {
    expect(isTooLarge(reason)).toBe(false);
  });
});
