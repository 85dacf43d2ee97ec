import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { ChatServer, Person } from './chat.events.js';
import { channelOf } from './rooms.js';

/** Many come and go at once when a node stops: one look at the cluster serves them all. */
const SETTLE_MS = 50;

type Emit = 'everywhere' | 'locally';

/** Knows who is in a room, on whichever node, and tells the room when that has changed. */
@Injectable()
export class PresenceService implements OnModuleDestroy {
  private readonly logger = new Logger(PresenceService.name);
  private readonly due = new Map<string, NodeJS.Timeout>();
  private stopping = false;

  async people(server: ChatServer, room: string): Promise<Person[]> {
    const sockets = await server.in(channelOf(room)).fetchSockets();
    return sockets
      .map(({ id, data }) => ({ id, name: data.name, node: data.node }))
      .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  }

  /** Tells everybody in the room, soon. */
  announce(server: ChatServer, room: string): void {
    this.schedule(server, room, 'everywhere');
  }

  /** Tells those in the room whom this node serves, soon. */
  announceLocally(server: ChatServer, room: string): void {
    this.schedule(server, room, 'locally');
  }

  /** A node that stops says nothing more: the others see that it left. */
  onModuleDestroy(): void {
    this.stopping = true;
    this.due.forEach((timer) => clearTimeout(timer));
  }

  private schedule(server: ChatServer, room: string, emit: Emit): void {
    const key = `${emit} ${room}`;
    if (this.stopping || this.due.has(key)) {
      return;
    }
    const publish = (): void => {
      this.due.delete(key);
      void this.publish(server, room, emit);
    };
    this.due.set(key, setTimeout(publish, SETTLE_MS));
  }

  private async publish(server: ChatServer, room: string, emit: Emit): Promise<void> {
    try {
      const people = await this.people(server, room);
      (emit === 'locally' ? server.local : server).to(channelOf(room)).emit('presence', { room, people });
    } catch (error) {
      this.logger.warn(`Who is in ${room} could not be told: ${(error as Error).message}`);
    }
  }
}
