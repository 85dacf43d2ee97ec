const SAY_AGAIN_MS = 2_000;
const FORGET_MS = 4_000;

/** Tells the room that this person types: at most every two seconds, and when they stopped. */
export class TypingTeller {
  #said = 0;
  #room;

  constructor(tell) {
    this.tell = tell;
  }

  input(room, text) {
    if (text === '' || room !== this.#room) {
      this.stopped();
    }
    if (text !== '' && Date.now() - this.#said > SAY_AGAIN_MS) {
      this.#said = Date.now();
      this.#room = room;
      this.tell({ room, typing: true });
    }
  }

  stopped() {
    if (this.#said) {
      this.#said = 0;
      this.tell({ room: this.#room, typing: false });
    }
  }
}

/** Who types in which room. Somebody who is not heard of for a while is forgotten: what says that they stopped may be lost. */
export class TypingPeople {
  #people = new Map();

  constructor(changed) {
    this.changed = changed;
  }

  heard({ room, name, typing }) {
    const key = JSON.stringify([room, name]);
    clearTimeout(this.#people.get(key)?.timer);
    this.#people.delete(key);
    if (typing) {
      const timer = setTimeout(() => this.heard({ room, name, typing: false }), FORGET_MS);
      this.#people.set(key, { room, name, timer });
    }
    this.changed();
  }

  sentence(room) {
    const names = [...this.#people.values()].filter((person) => person.room === room).map((person) => person.name);
    if (names.length === 0) {
      return '';
    }
    return names.length > 2
      ? 'Several people are typing'
      : `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing`;
  }
}
