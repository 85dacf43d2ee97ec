import type { Server, Socket } from 'socket.io';
import type { NodeIdentity } from '../node-identity.js';

/** Somebody in a room, and the node that serves them. */
export interface Person {
  id: string;
  name: string;
  node: string;
}

export interface ChatMessage {
  id: string;
  room: string;
  text: string;
  from: Person;
  /** Milliseconds since 1970, by the clock of the node that took the message. */
  at: number;
}

/** Answer to a call that could not be carried out. */
export interface Refusal {
  error: string;
}

type Answer<T> = (answer: T | Refusal) => void;

export interface ClientToServerEvents {
  whoami: (answer: Answer<NodeIdentity>) => void;
  rename: (body: { name: string }, answer: Answer<{ name: string }>) => void;
  join: (body: { room: string }, answer: Answer<{ room: string; people: Person[] }>) => void;
  leave: (body: { room: string }, answer: Answer<{ room: string }>) => void;
  message: (body: { room: string; text: string }, answer: Answer<{ id: string }>) => void;
  typing: (body: { room: string; typing: boolean }) => void;
}

export interface ServerToClientEvents {
  message: (message: ChatMessage) => void;
  presence: (presence: { room: string; people: Person[] }) => void;
  typing: (typing: { room: string; name: string; typing: boolean }) => void;
}

/** Travels with the socket: other nodes see it in `fetchSockets`, and a recovered client has it again. */
export interface SocketData {
  name: string;
  node: string;
}

type NoEvents = Record<string, never>;

export type ChatServer = Server<ClientToServerEvents, ServerToClientEvents, NoEvents, SocketData>;
export type ChatSocket = Socket<ClientToServerEvents, ServerToClientEvents, NoEvents, SocketData>;
