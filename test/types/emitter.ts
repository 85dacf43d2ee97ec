import { Injectable, type INestApplicationContext } from '@nestjs/common';
import { createEmitter, RedisStreams, RedisStreamsEmitter } from 'nestjs-redis-streams-adapter';
import { createClient } from 'redis';
import type { DefaultEventsMap, Server } from 'socket.io';

/** As they stand in an application: interfaces, shared with `Server<…>`. */
interface ServerToClient {
  order: (id: number, state: 'paid' | 'shipped') => void;
  ping: () => void;
  ask: (question: string, answer: (text: string) => void) => void;
  maybe: (id: number, answer?: (text: string) => void) => void;
}
interface InterServer {
  refresh: (prices: string[]) => void;
  count: (answer: (n: number) => void) => void;
}

const emitter = createEmitter<ServerToClient, InterServer>(createClient());

export const id: Promise<string> = emitter.emit('order', 1, 'paid');
void emitter.to('room').except(['a', 'b']).volatile.compress(true).in('other').emit('order', 1, 'shipped');
void emitter.emit('ping');
// @ts-expect-error no such event
void emitter.emit('orders', 1, 'paid');
// @ts-expect-error wrong argument
void emitter.emit('order', '1', 'paid');
// @ts-expect-error wrong argument after a chain
void emitter.to('room').volatile.emit('order', 1, 'lost');
// @ts-expect-error too few arguments
void emitter.emit('order', 1);
// @ts-expect-error too many arguments
void emitter.emit('ping', 1);
// @ts-expect-error an emitter receives no acknowledgement
void emitter.emit('ask', 'why?', () => undefined);
// @ts-expect-error not even one that is optional
void emitter.emit('maybe', 1);

void emitter.serverSideEmit('refresh', ['a']);
// @ts-expect-error wrong argument
void emitter.serverSideEmit('refresh', 'a');
// @ts-expect-error an emitter receives no acknowledgement
void emitter.serverSideEmit('count', () => undefined);
// @ts-expect-error an event for clients
void emitter.serverSideEmit('order', 1, 'paid');

void emitter.of('/orders').emit('order', 1, 'paid');
void emitter.of<{ headline: (text: string) => void }>('/news').to('front').emit('headline', 'it works');
// @ts-expect-error an event of another namespace
void emitter.of<{ headline: (text: string) => void }>('/news').emit('order', 1, 'paid');

emitter.events.on('outboxOverflow', ({ waiting }) => waiting.toFixed());
// @ts-expect-error an emitter reads nothing, so that it sees no gap
emitter.events.on('gap', () => undefined);

// Without a map, any event is fine.
const untyped = createEmitter(createClient());
void untyped.emit('anything', 1, { two: 2 }, [3]);
void untyped.serverSideEmit('anything');
void createEmitter<DefaultEventsMap>(createClient()).emit('anything', 1);

@Injectable()
export class Orders {
  constructor(
    private readonly emitter: RedisStreamsEmitter<ServerToClient, InterServer>,
    redisStreams: RedisStreams,
  ) {
    const named: RedisStreamsEmitter<ServerToClient> = redisStreams.emitter;
    void named.emit('order', 1, 'paid');
    // @ts-expect-error wrong argument
    void this.emitter.emit('order', 'one', 'paid');
    void this.emitter.forServer({ path: '/admin' }).emit('order', 1, 'paid');
    void this.emitter.forServer<{ alarm: () => void }>({ port: 81 }).emit('alarm');
  }
}

export function inferred(app: INestApplicationContext): Promise<string> {
  return app.get(RedisStreamsEmitter).emit('anything', 1);
}

/** The maps are those of the Server. */
export type ChatServer = Server<ServerToClient, ServerToClient, InterServer>;
