/**
 * Messages of one channel that come over two connections for a while, each of which is to be told once.
 *
 * The former connection has everything up to its end, the next one everything from its beginning, and in between both have all. Messages
 * of the same bytes are told as often as they came over the one that had more of them: only those that lie on both sides of the time in
 * between pass for one.
 */
export class Handover {
  readonly #counts = new Map<string, { former: number; next: number }>();

  /** Whether the message, which came over this connection, is to be told. */
  take(from: 'former' | 'next', payload: Buffer): boolean {
    const key = payload.toString('latin1');
    const counts = this.#counts.get(key) ?? { former: 0, next: 0 };
    this.#counts.set(key, counts);
    counts[from]++;
    return counts[from] > counts[from === 'former' ? 'next' : 'former'];
  }
}
