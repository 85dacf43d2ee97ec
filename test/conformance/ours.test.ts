import { expect, it } from 'vitest';
import { RedisServer } from '../../src/testing/index.js';
import { denials, documentedRules, makeUser, PASSWORD } from '../drivers/support/acl.js';
import { everyNodeIs, everyRedisIs, startCluster } from '../harness/index.js';
import { conformance } from './conformance.js';

// What a user with the least rights can do, every other can.
const USER = 'least';
let redis: RedisServer | undefined;

everyNodeIs(USER, PASSWORD);
everyRedisIs(async () => {
  redis = await RedisServer.start({ args: ['--acllog-max-len', '1000'] });
  const { base, with: also } = await documentedRules();
  // the names of tests begin otherwise than those that the documentation speaks of
  const rules = [...base, ...also('a client that has a name')].filter((rule) => /^[+-]/.test(rule));
  // with these, nodes of tests count their connections, and see whether the client that they were given still works
  await makeUser([redis], USER, [...rules, '+client|list', '+ping', '~test-*', '&test-*']);
  return redis;
});
conformance('ours');

it('was denied nothing', async () => {
  await startCluster({ nodes: 1 });
  expect(await denials([redis!], USER)).toEqual([]);
});
