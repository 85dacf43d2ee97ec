import { MessageType } from 'socket.io-adapter';
import type { ChannelListener, RedisArgument, RedisConnection } from '../redis/driver.js';
import type { RawEntry } from '../stream/reader.js';
import type { SideStream } from '../stream/stream-log.js';
import { comparePositions, FIRST_POSITION, streamIdTime } from '../stream/stream-id.js';
import { Trimming } from '../stream/trimming.js';
import type { Carrier, Letterhead } from './carrier.js';

export interface StreamCarrierOptions {
  channelPrefix: string;
  heartbeatTimeout: number;
  requestTimeout: number;
}

/** Names of an entry's fields. */
const CHANNEL = Buffer.from('channel');
const PAYLOAD = Buffer.from('payload');

/** Entries of one XREVRANGE, and how many of those a newcomer reads at most. */
const PAGE = 500;
const MOST_PAGES = 20;

/**
 * A short stream beside the log, for a Redis without channels. Every node reads all of it, along with the log, and takes what is for it.
 * What a node that is late could still use stays in it, and what is older goes.
 */
export class StreamCarrier implements Carrier, SideStream {
  readonly name: string;
  readonly command = 'XADD';
  readonly #listeners = new Map<string, ChannelListener>();
  readonly #trimming: Trimming;
  /** A stream that began anew may hold what was taken before, up to here. */
  #taken = FIRST_POSITION;

  constructor(
    private readonly connection: RedisConnection,
    private readonly options: StreamCarrierOptions,
  ) {
    this.name = `${options.channelPrefix}#@ephemeral#`;
    this.#trimming = new Trimming({ maxAge: Math.max(options.heartbeatTimeout, options.requestTimeout) });
    connection.on('ready', () => this.#trimming.forget());
  }

  async publish(channel: string, payload: Buffer): Promise<undefined> {
    await this.#add(channel, payload);
  }

  /** Those who were heard of within `heartbeatTimeout`, and have not left since, are about. */
  async announce(channel: string, payload: Buffer, read: (payload: Buffer) => Letterhead | undefined): Promise<number> {
    const id = await this.#add(channel, payload);
    const since = streamIdTime(id) - this.options.heartbeatTimeout;
    const seen = new Set<string>();
    const gone = new Set([read(payload)?.uid]);
    for await (const [entryId, fields] of this.#before(id)) {
      if (streamIdTime(entryId.toString('latin1')) < since) break;
      const letterhead = valueOf(fields, CHANNEL)?.toString() === channel && read(valueOf(fields, PAYLOAD)!);
      if (!letterhead) continue;
      seen.add(letterhead.uid);
      if (letterhead.type === MessageType.ADAPTER_CLOSE) gone.add(letterhead.uid);
    }
    return [...seen].filter((uid) => !gone.has(uid)).length;
  }

  subscribe(channel: string, listener: ChannelListener): Promise<void> {
    if (!this.#listeners.has(channel)) this.#listeners.set(channel, listener);
    return Promise.resolve();
  }

  unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    return Promise.resolve();
  }

  onEntries(entries: readonly RawEntry[]): void {
    for (const [id, fields] of entries) {
      if (comparePositions(id.toString('latin1'), this.#taken) <= 0) continue;
      const payload = valueOf(fields, PAYLOAD);
      const channel = valueOf(fields, CHANNEL);
      if (payload && channel) this.#listeners.get(channel.toString())?.(payload);
    }
  }

  onReset(position: string, end: string, older: boolean): void {
    if (comparePositions(end, position) >= 0) this.#taken = position;
    // beyond the end of a stream that began anew, the ids say nothing
    else this.#taken = older ? end : FIRST_POSITION;
  }

  async #add(channel: string, payload: Buffer): Promise<string> {
    const command: RedisArgument[] = [this.command, this.name, ...this.#trimming.arguments(), '*'];
    command.push(CHANNEL, channel, PAYLOAD, payload);
    const id = (await this.connection.send(command)) as string;
    this.#trimming.added(id);
    return id;
  }

  /** The entries before `id`, the newest first, as far as a newcomer looks. */
  async *#before(id: string): AsyncGenerator<RawEntry> {
    let end = id;
    for (let page = 0; page < MOST_PAGES; page++) {
      // See https://redis.io/docs/latest/commands/xrevrange/
      const command = ['XREVRANGE', this.name, `(${end}`, '-', 'COUNT', String(PAGE)];
      const entries = (await this.connection.sendForBuffers(command)) as RawEntry[];
      yield* entries;
      if (entries.length < PAGE) return;
      end = entries.at(-1)![0].toString('latin1');
    }
  }
}

function valueOf(fields: readonly Buffer[], name: Buffer): Buffer | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]!.equals(name)) return fields[i + 1];
  return undefined;
}
