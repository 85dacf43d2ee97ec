import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createEmitter } from '../../src/adapter/emitter/emitter.js';
import type { EphemeralMode } from '../../src/adapter/options.js';
import { RedisServer } from '../../src/testing/index.js';
import { exists } from './end-to-end.js';
import { denials, documentedRules, makeUser, PASSWORD } from './support/acl.js';
import { startNodes, type Node } from './support/nodes.js';
import { everyOperation, recovery } from './support/operations.js';

const TENANTS = ['one', 'two'] as const;
const EPHEMERAL: EphemeralMode[] = ['pubsub', 'sharded-pubsub', 'stream'];

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
  const { base, with: also } = await documentedRules();
  const commands = [...base, ...also('`useShardedPubSub`')].filter((rule) => rule.startsWith('+'));
  for (const tenant of TENANTS) await makeUser([redis], tenant, [`~${tenant}:*`, `&${tenant}:*`, ...commands]);
});

afterAll(() => redis.stop());

function clientOf(username: string): ReturnType<typeof createClient> {
  return createClient({ url: redis.url, username, password: PASSWORD });
}

describe.each(EPHEMERAL)('tenants with a prefix and a user each, on one Redis (%s)', (ephemeral) => {
  it('do everything, and see nothing of each other', async () => {
    const [one, two] = (await Promise.all(
      TENANTS.map((tenant) =>
        startNodes({
          client: () => clientOf(tenant),
          // all other names are the same
          adapterOptions: { keyPrefix: `${tenant}:`, ephemeral, recentMaxBytes: 1 },
          recovery: true,
        }),
      ),
    )) as [[Node, Node], [Node, Node]];
    const bystander = await two[1].connect();

    for (const { io } of [...one, ...two]) expect(await io.of('/').adapter.serverCount()).toBe(2);
    await everyOperation(...one);
    await recovery(...one, (pid) => exists([redis], `one:sio:session:${pid}`));
    const emitter = createEmitter(clientOf('one'), { keyPrefix: 'one:' });
    onTestFinished(() => emitter.close());
    const client = await one[0].connect();
    await emitter.emit('from outside');
    await client.next('from outside');
    // a session of the other tenant is none
    const { pid, offset } = client;
    await client.drop();
    Object.assign(client.socket, { _pid: pid, _lastOffset: offset });
    await client.connect(two[0]);
    expect(client.recovered).toBe(false);
    client.close();

    two[0].io.emit('own');
    await bystander.next('own');
    expect(bystander.events.map(({ event }) => event)).toEqual(['own']);
    expect((await two[0].io.fetchSockets()).map(({ id }) => id)).toEqual([bystander.id]);
    for (const tenant of TENANTS) expect(await denials([redis], tenant)).toEqual([]);
    const keys = (await redis.command('KEYS', '*')) as string[];
    expect(keys.filter((key) => !/^(?:one|two):/.test(key))).toEqual([]);
  });
});
