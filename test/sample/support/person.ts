import { io, type Socket } from 'socket.io-client';
import { onTestFinished } from 'vitest';
import type {
  ChatMessage,
  ClientToServerEvents,
  Person as Somebody,
  ServerToClientEvents,
} from '../../../sample/chat/src/chat/chat.events.js';
import type { NodeIdentity } from '../../../sample/chat/src/node-identity.js';
import { waitFor } from '../../harness/wait-for.js';

const ANSWER_TIMEOUT_MS = 10_000;

/** Somebody in the chat, until the test is over. */
export class Person {
  readonly messages: ChatMessage[] = [];
  readonly typing: Array<{ room: string; name: string; typing: boolean }> = [];
  /** Who is in which room, as it was told last. */
  readonly people = new Map<string, Somebody[]>();
  readonly socket: Socket<ServerToClientEvents, ClientToServerEvents>;

  private refusal: Error | undefined;

  private constructor(
    url: string,
    readonly name: string,
  ) {
    this.socket = io(url, { auth: { name }, forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 500 });
    onTestFinished(() => void this.socket.disconnect());
    this.socket.on('connect_error', (error) => {
      // Not for want of a connection, but because the server says no.
      if (!this.socket.active) {
        this.refusal = error;
      }
    });
    this.socket.on('message', (message) => void this.messages.push(message));
    this.socket.on('typing', (typing) => void this.typing.push(typing));
    this.socket.on('presence', ({ room, people }) => void this.people.set(room, people));
  }

  static async connect(url: string, name: string): Promise<Person> {
    const person = new Person(url, name);
    await person.connected();
    return person;
  }

  /** Connects people until there are two whom different nodes serve. */
  static async onTwoNodes(url: string, room: string): Promise<[Person, Person]> {
    const ada = await Person.connect(url, 'Ada');
    const grace = await waitFor(
      async () => {
        const somebody = await Person.connect(url, 'Grace');
        return (await somebody.node()).name === (await ada.node()).name ? undefined : somebody;
      },
      { deadline: 20_000, interval: 100, what: 'somebody on another node' },
    );
    await ada.call('join', { room });
    await grace.call('join', { room });
    return [ada, grace];
  }

  /** Resolves once there is a connection; rejects if the server refuses it. */
  async connected(): Promise<void> {
    await waitFor(() => this.socket.connected || this.refusal, { deadline: 30_000, what: 'a connection' });
    if (this.refusal) {
      throw this.refusal;
    }
  }

  node(): Promise<NodeIdentity> {
    return this.call('whoami') as Promise<NodeIdentity>;
  }

  call(event: string, ...body: unknown[]): Promise<unknown> {
    const socket = this.socket.timeout(ANSWER_TIMEOUT_MS) as unknown as {
      emitWithAck(event: string, ...body: unknown[]): Promise<unknown>;
    };
    return socket.emitWithAck(event, ...body);
  }

  async say(room: string, ...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.call('message', { room, text });
    }
  }

  /** Resolves with the texts of all messages once there are `count`. */
  async texts(count: number): Promise<string[]> {
    await waitFor(() => this.messages.length >= count, {
      deadline: 10_000,
      what: () => `${count} messages. There are ${this.messages.length}`,
    });
    return this.messages.map((message) => message.text);
  }

  /** Cuts the transport, as a change of networks does, until {@link comeBack}. */
  drop(): void {
    this.stayAwayOnceLost();
    this.socket.io.engine.close();
  }

  /** Does not come back by itself. */
  stayAwayOnceLost(): void {
    this.socket.io.reconnection(false);
  }

  async comeBack(): Promise<void> {
    this.socket.io.reconnection(true);
    this.socket.connect();
    await this.connected();
  }
}
