import { describe, expect, it } from 'vitest';
import { startCluster, useCluster, waitFor } from './index.js';

describe('harness', () => {
  const cluster = useCluster({ adapter: 'peer', nodes: 2, serverOptions: { connectionStateRecovery: {} } });

  it('runs a function in a node, with cloned arguments and result', async () => {
    const result = await cluster()
      .node(1)
      .run((io, _ctx, n, bytes) => ({ n: n + 1, bytes, size: io.engine.clientsCount }), 1, Buffer.from('x'));

    expect(result).toEqual({ n: 2, bytes: Buffer.from('x'), size: 0 });
  });

  it('passes on an error with its own fields, and says what run() sends', async () => {
    const outside = 1;

    await expect(
      cluster()
        .node(0)
        .run(() => Promise.reject(Object.assign(new TypeError('no'), { responses: [1] }))),
    ).rejects.toMatchObject({ name: 'TypeError', message: 'no', responses: [1] });
    await expect(
      cluster()
        .node(0)
        .run(() => outside),
    ).rejects.toThrow(/pass values as arguments/);
  });

  it('connects clients and keeps what they receive', async () => {
    const [near, far] = await cluster().connectEach();
    await cluster()
      .node(0)
      .run((io) => io.emit('hello', 'world', 1));

    expect(await far!.next('hello')).toEqual([['world', 1]]);
    expect(await near!.next('hello')).toEqual([['world', 1]]);
    expect(near!.offsets('hello')).toEqual(far!.offsets('hello'));
    expect(near!.offset).toMatch(/^\d+-\d+(?:\.\d+)?$/);
  });

  it('tells with a barrier that something did not arrive', async () => {
    const [near, far] = await cluster().connectEach();
    await cluster()
      .node(0)
      .run((io) => io.local.emit('here'));
    await cluster().barrier();

    expect([near!.received('here').length, far!.received('here').length]).toEqual([1, 0]);
  });

  it('moves a client to another node', async () => {
    const client = await cluster().connect(0);
    await cluster()
      .node(0)
      .run((io) => io.emit('hello'));
    await client.next('hello');
    const { id } = client;
    await client.drop();
    await cluster().sessionSaved(client);
    await client.connect(cluster().node(1));

    expect(client).toMatchObject({ recovered: true, id });
  });

  it('tells of a node that ended on its own', async () => {
    const cluster = await startCluster({ adapter: 'memory', nodes: 1, mayExit: true });
    const node = cluster.node(0);
    await node.run(() => void setImmediate(() => Promise.reject(new Error('a bug'))));

    expect(await node.exited).toMatchObject({ code: 1 });
    expect(node.stderr).toContain('a bug');
    await expect(node.run(() => 1)).rejects.toThrow(/ended/);
  });

  it('freezes a node, and ends it gracefully', async () => {
    const cluster = await startCluster({ adapter: 'peer', nodes: 1 });
    const node = cluster.node(0);
    node.kill('SIGSTOP');
    const answer = node.run(() => 'awake');
    node.kill('SIGCONT');

    expect(await answer).toBe('awake');
    expect(await node.close()).toEqual({ code: 0, signal: null });
  });

  it('says what it waited for', async () => {
    await expect(waitFor(() => false, { deadline: 1, what: 'rain' })).rejects.toThrow('Waited 1 ms in vain for rain.');
  });
});
