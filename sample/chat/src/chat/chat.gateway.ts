import { randomUUID } from 'node:crypto';
import { UseFilters, UsePipes, ValidationPipe } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import { RedisStreams } from 'nestjs-redis-streams-adapter';
import { NODE, type NodeIdentity } from '../node-identity.js';
import { MessageDto, NameDto, RoomDto, TypingDto } from './chat.dto.js';
import type { ChatServer, ChatSocket, Person } from './chat.events.js';
import { requireName } from './names.js';
import { PresenceService } from './presence.service.js';
import { RefusalFilter } from './refusal.filter.js';
import { channelOf, roomsIn } from './rooms.js';

const MAX_ROOMS = 20;

@WebSocketGateway()
@UseFilters(RefusalFilter)
@UsePipes(
  new ValidationPipe({
    transform: true,
    whitelist: true,
    exceptionFactory: (errors) => new WsException(Object.values(errors[0]?.constraints ?? {})[0] ?? 'Not understood.'),
  }),
)
export class ChatGateway implements OnGatewayInit<ChatServer>, OnGatewayConnection<ChatSocket> {
  @WebSocketServer()
  readonly server!: ChatServer;

  constructor(
    private readonly presence: PresenceService,
    private readonly redisStreams: RedisStreams,
  ) {}

  afterInit(server: ChatServer): void {
    server.use(requireName);
    // A node that died took its people with it, and cannot say so. Every other node tells those whom it serves.
    this.redisStreams.events.on('nodeLeft', () => {
      roomsIn(server.of('/').adapter.rooms.keys()).forEach((room) => this.presence.announceLocally(server, room));
    });
  }

  handleConnection(client: ChatSocket): void {
    client.data.node = NODE.name;
    // A recovered client is in its rooms again without having asked to join them.
    this.announceAllOf(client);
    client.once('disconnecting', () => this.announceAllOf(client));
  }

  @SubscribeMessage('whoami')
  whoami(): NodeIdentity {
    return NODE;
  }

  @SubscribeMessage('rename')
  rename(@ConnectedSocket() client: ChatSocket, @MessageBody() { name }: NameDto): { name: string } {
    client.data.name = name;
    this.announceAllOf(client);
    return { name };
  }

  @SubscribeMessage('join')
  async join(
    @ConnectedSocket() client: ChatSocket,
    @MessageBody() { room }: RoomDto,
  ): Promise<{ room: string; people: Person[] }> {
    if (roomsIn(client.rooms).length >= MAX_ROOMS) {
      throw new WsException(`You are in ${MAX_ROOMS} rooms already. Leave one first.`);
    }
    await client.join(channelOf(room));
    this.presence.announce(this.server, room);
    return { room, people: await this.presence.people(this.server, room) };
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() client: ChatSocket, @MessageBody() { room }: RoomDto): Promise<{ room: string }> {
    requireMember(client, room);
    await client.leave(channelOf(room));
    this.presence.announce(this.server, room);
    return { room };
  }

  @SubscribeMessage('message')
  message(@ConnectedSocket() client: ChatSocket, @MessageBody() { room, text }: MessageDto): { id: string } {
    requireMember(client, room);
    const id = randomUUID();
    const from = { id: client.id, name: client.data.name, node: NODE.name };
    this.server.to(channelOf(room)).emit('message', { id, room, text, from, at: Date.now() });
    return { id };
  }

  @SubscribeMessage('typing')
  typing(@ConnectedSocket() client: ChatSocket, @MessageBody() { room, typing }: TypingDto): void {
    requireMember(client, room);
    // Volatile: nobody who was away for a while needs to hear of it.
    client.volatile.to(channelOf(room)).emit('typing', { room, name: client.data.name, typing });
  }

  private announceAllOf(client: ChatSocket): void {
    roomsIn(client.rooms).forEach((room) => this.presence.announce(this.server, room));
  }
}

function requireMember(client: ChatSocket, room: string): void {
  if (!client.rooms.has(channelOf(room))) {
    throw new WsException(`You are not in ${room}. Join it first.`);
  }
}
