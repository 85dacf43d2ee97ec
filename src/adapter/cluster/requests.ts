import { randomBytes } from 'node:crypto';
import { AdapterClosedError, RequestTimeoutError, toError } from '../errors.js';
import type { RequestTelemetry } from '../telemetry-port.js';

/** A question to the other nodes that is still open. */
interface OpenRequest {
  onAnswer(uid: string, data: unknown): void;
  onNodeLost(uid: string): void;
  /** The question could not be put. */
  onFailed(error: Error): void;
  /** No answer will come any more. */
  onClosed(): void;
}

/** What the node that asks has to say itself. */
export interface OwnShare<T> {
  uid: string;
  /** May come to nothing while Redis is away, where the request is read back first. */
  answer: Promise<readonly T[]>;
}

export interface RequestSpec<T> {
  /** What it is called in an error. */
  name: string;
  /** The nodes that are asked. */
  nodes: Iterable<string>;
  /** How many nodes of the peer package are asked, which are known by number only. */
  foreign: Promise<number>;
  /** The share of this node itself, which is not asked, and so not counted. */
  own?: OwnShare<T> | undefined;
  timeout: number;
  telemetry: RequestTelemetry | undefined;
  /** Takes the answer of one node; what it returns is added to the responses. Throws to end the request with an error. */
  take(data: unknown, uid: string): readonly T[];
}

/** The open requests of a Server, by id. */
export class Requests {
  readonly #open = new Map<string, OpenRequest>();
  #closed = false;

  get size(): number {
    return this.#open.size;
  }

  /** An id that no other node uses. */
  newId(): string {
    return randomBytes(8).toString('hex');
  }

  /**
   * Collects one answer of each node, behind the share of this one.
   *
   * @throws {RequestTimeoutError} naming the nodes that did not answer in time, and carrying what the others answered.
   * @throws {AdapterClosedError} when {@link closeAll} was called, or is called meanwhile.
   */
  collect<T>(requestId: string, spec: RequestSpec<T>): Promise<T[]> {
    const answers = this.#collect(requestId, spec);
    // who asks may still be busy with putting the question when the time for answers is over
    answers.catch(() => undefined);
    return answers;
  }

  #collect<T>(requestId: string, spec: RequestSpec<T>): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const missing = new Set(spec.nodes);
      const nodes = missing.size;
      const answered = new Set<string>();
      const responses: T[] = [];
      let own: readonly T[] | undefined = spec.own ? undefined : [];
      let foreign: number | undefined;
      let foreignAnswers = 0;
      const end = (error?: unknown): void => {
        clearTimeout(timer);
        this.#open.delete(requestId);
        spec.telemetry?.end(nodes + (foreign ?? 0), answered.size, error);
        if (error === undefined) resolve([...own!, ...responses]);
        else reject(error as Error);
      };
      const check = (): void => {
        if (own && missing.size === 0 && foreign !== undefined && foreignAnswers >= foreign) end();
      };
      const timer = setTimeout(() => {
        const silent = [...missing];
        if ((foreign ?? 0) > foreignAnswers)
          silent.push(`${foreign! - foreignAnswers} of @socket.io/redis-streams-adapter`);
        if (!own) {
          missing.add(spec.own!.uid);
          silent.push(`${spec.own!.uid}, which is this node, and has not read the request back`);
        }
        const message = timeoutMessage(spec, nodes + (foreign ?? 0), silent);
        end(new RequestTimeoutError(message, [...missing], [...(own ?? []), ...responses]));
      }, spec.timeout);
      this.#add(requestId, {
        onAnswer: (uid, data) => {
          // a node answers once; one that nobody knew yet may answer, too
          if (answered.has(uid)) return;
          answered.add(uid);
          try {
            responses.push(...spec.take(data, uid));
          } catch (error) {
            return end(error);
          }
          if (!missing.delete(uid)) foreignAnswers++;
          check();
        },
        onNodeLost: (uid) => {
          if (missing.delete(uid)) check();
        },
        onFailed: end,
        onClosed: () => end(new AdapterClosedError(`${spec.name} was given up: the adapter was closed.`)),
      });
      void spec.foreign.then((count) => {
        foreign = count;
        if (this.#open.has(requestId)) check();
      });
      spec.own?.answer.then(
        (answer) => {
          own = answer;
          if (this.#open.has(requestId)) check();
        },
        (error: unknown) => this.fail(requestId, toError(error)),
      );
    });
  }

  /** Keeps a request open whose answers come in several parts; the caller closes it. */
  track(requestId: string, request: OpenRequest): void {
    this.#add(requestId, request);
  }

  close(requestId: string): void {
    this.#open.delete(requestId);
  }

  /** The question could not be put to the other nodes, for the reason given. */
  fail(requestId: string, error: Error): void {
    this.#open.get(requestId)?.onFailed(error);
  }

  /** Ends every request, and those that are still to come. */
  closeAll(): void {
    this.#closed = true;
    for (const open of [...this.#open.values()]) open.onClosed();
  }

  /** An answer came in. Those to requests that are over are ignored. */
  answer(requestId: string, uid: string, data: unknown): void {
    this.#open.get(requestId)?.onAnswer(uid, data);
  }

  /** Nobody waits for a node that is gone. */
  nodeLost(uid: string): void {
    for (const open of [...this.#open.values()]) open.onNodeLost(uid);
  }

  #add(requestId: string, request: OpenRequest): void {
    this.#open.set(requestId, request);
    if (this.#closed) request.onClosed();
  }
}

function timeoutMessage(spec: RequestSpec<unknown>, expected: number, silent: readonly string[]): string {
  return (
    `${spec.name} timed out after ${spec.timeout} ms: no answer from ${silent.join(', ')} (${expected} other nodes were asked). ` +
    'What the others answered is in `responses`.'
  );
}
