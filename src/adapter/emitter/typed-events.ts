// Of the same form as the event maps of `Server<…>`, whose types are not imported: two copies of socket.io in one application would not
// fit together.

/** Any event with any arguments: what an emitter has that is told nothing else. */
export type AnyEvents = Record<string, (...args: unknown[]) => void>;

/** Where the map is not told but inferred, as by `app.get(RedisStreamsEmitter)`, TypeScript takes it for `object`. */
type Told<Events extends object> = object extends Events ? AnyEvents : Events;

type Arguments<Listener> = Listener extends (...args: infer Args) => unknown ? Args : never;

type TakesAcknowledgement<Args extends unknown[]> =
  Required<Args> extends [...unknown[], infer Last]
    ? Last extends (...args: never[]) => unknown
      ? true
      : false
    : false;

type WithoutAcknowledgement<Events> = {
  [Event in keyof Events & string]: TakesAcknowledgement<Arguments<Events[Event]>> extends true ? never : Event;
}[keyof Events & string];

/** The events of a map that can be emitted without being acknowledged. */
export type EventName<Events extends object> = WithoutAcknowledgement<Told<Events>>;

/** What an event of a map carries. */
export type EventArguments<Events extends object, Event extends string> = Arguments<
  Told<Events>[Event & keyof Told<Events>]
>;
