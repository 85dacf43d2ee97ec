import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UnheardNodes, type Published } from './unheard-nodes.js';

const TIMEOUT = 1_000;

describe('a node of which messages are read', () => {
  let told: string[];
  let hearing: { hearingFor: number };
  let unheard: UnheardNodes;

  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    hearing = { hearingFor: 10 * TIMEOUT };
    unheard = new UnheardNodes({ ephemeral: 'sharded-pubsub', heartbeatTimeout: TIMEOUT }, hearing, (reason) =>
      told.push(reason),
    );
  });

  afterEach(() => vi.useRealTimers());

  const message = (uid: string, over: Partial<Published> = {}): Published => ({
    uid,
    optionsLength: 30,
    requestId: undefined,
    ...over,
  });

  /** It publishes for so long. */
  function publish(one: Published, duration = 3 * TIMEOUT): void {
    for (let passed = 0; passed <= duration; passed += 100) {
      unheard.published(one);
      vi.advanceTimersByTime(100);
    }
  }

  it('is told of once when it was not heard for heartbeatTimeout, in a sentence that is not cut', () => {
    const uid = '0123456789abcdef';
    publish(message(uid), TIMEOUT);
    expect(told).toEqual([]);
    publish(message(uid));
    expect(told).toEqual([expect.stringMatching(/^node 0123456789abcdef publishes, .*`ephemeral` \(here: sharded-/)]);
    // see EventThrottle
    expect(told[0]!.length).toBeLessThan(200);
    publish(message('other', { optionsLength: 0, requestId: 'r' }));
    expect(told).toHaveLength(2);
  });

  it('is not told of once it was heard, before or meanwhile, however silent it is afterwards', () => {
    unheard.heard('before');
    publish(message('before'));
    publish(message('meanwhile'), TIMEOUT / 2);
    unheard.heard('meanwhile');
    publish(message('meanwhile'));
    expect(told).toEqual([]);
  });

  it('is not told of while it is this node that does not hear, nor when it has just begun to', () => {
    hearing.hearingFor = 0;
    publish(message('a'));
    hearing.hearingFor = TIMEOUT;
    publish(message('a'));
    expect(told).toEqual([]);
    hearing.hearingFor = TIMEOUT + 1;
    unheard.published(message('a'));
    expect(told).toHaveLength(1);
  });

  it('is not told of when it has stopped publishing', () => {
    publish(message('a'), TIMEOUT / 2);
    vi.advanceTimersByTime(10 * TIMEOUT);
    expect(told).toEqual([]);
  });

  it('may be an emitter, or of the peer package: those are never heard', () => {
    publish(message('emitter'));
    publish(message('peer', { optionsLength: 0 }));
    expect(told).toEqual([]);
  });

  it('may be one of very many, of whom the latest are remembered', () => {
    for (let i = 0; i < 10_000; i++) unheard.published(message(`crowd ${i}`));
    vi.advanceTimersByTime(2 * TIMEOUT);
    for (let i = 9_000; i < 10_000; i++) unheard.published(message(`crowd ${i}`));
    expect(told).toHaveLength(1_000);
    unheard.published(message('crowd 0'));
    expect(told).toHaveLength(1_000);
  });
});
