import { TestClient as Client, type ClientOptions, type ReceivedEvent } from '../../src/testing/test-client.js';
import { PATIENCE, type WaitOptions } from './wait-for.js';

export type { ClientOptions, ReceivedEvent };

/** Events that Cluster.barrier() sends; they are not among those received. */
export const BARRIER = 'test barrier';

/** The client of the testing kit, which can also tell how far it has come. */
export class TestClient extends Client {
  readonly #barriers = new Set<unknown>();

  constructor(url: string, options?: ClientOptions) {
    super(url, options);
    this.socket.on(BARRIER, (barrier: unknown) => this.#barriers.add(barrier));
  }

  override get events(): readonly ReceivedEvent[] {
    return super.events.filter(({ event }) => event !== BARRIER);
  }

  override next(event: string, count?: number, options?: WaitOptions): Promise<unknown[][]> {
    return super.next(event, count, { ...PATIENCE, ...options });
  }

  override disconnected(options?: WaitOptions): Promise<string> {
    return super.disconnected({ ...PATIENCE, ...options });
  }

  passed(barrier: string): boolean {
    return this.#barriers.has(barrier);
  }
}
