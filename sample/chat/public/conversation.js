import { avatar, element, nodeBadge } from './elements.js';

const MAX_ENTRIES = 500;
const FOLLOWS_WITHIN_MS = 120_000;
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** What was said in one room. */
export class Conversation {
  #pending = new Map();
  #shown = new Set();
  #last;
  #empty;

  constructor(room) {
    this.room = room;
    this.list = element('ol');
    this.#empty = element('li', { className: 'empty' }, `Nothing said in #${room} yet.`);
    this.list.append(this.#empty);
  }

  /** Shows a message that is still on its way; pass what it returns to {@link arrived} or {@link failed}. */
  sending(name, text) {
    const item = messageItem({ text, from: { name }, at: Date.now() }, 'own pending');
    this.#append(item);
    return item;
  }

  /** The server took the message, under this id: from now on it is shown where it stands in everybody's order. */
  arrived(item, id) {
    if (this.#shown.has(id)) {
      item.remove();
    } else {
      this.#pending.set(id, item);
    }
  }

  failed(item, reason) {
    item.classList.replace('pending', 'failed');
    item.title = reason;
  }

  message(message, { own, restored }) {
    this.#pending.get(message.id)?.remove();
    this.#pending.delete(message.id);
    this.#shown.add(message.id);
    const last = this.#last;
    const follows =
      last?.from.id === message.from.id && !last.restored === !restored && message.at - last.at < FOLLOWS_WITHIN_MS;
    const names = [own ? 'own' : '', restored ? 'restored' : '', follows ? 'follows' : ''];
    const item = messageItem(message, names.filter(Boolean).join(' '), restored);
    this.#append(item);
    this.#last = { ...message, restored };
  }

  /** A line between messages. `tone` is `good`, `warn` or nothing. */
  marker(text, tone = '') {
    this.#append(element('li', { className: `marker ${tone}` }, text));
    this.#last = undefined;
  }

  #append(item) {
    this.#empty.remove();
    const log = this.list.parentElement;
    const atEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    this.list.append(item);
    while (this.list.childElementCount > MAX_ENTRIES) {
      this.list.firstElementChild.remove();
    }
    if (atEnd) {
      log.scrollTop = log.scrollHeight;
    }
  }
}

function messageItem({ id, text, from, at, room }, className, restored = false) {
  const own = className.includes('own');
  return element(
    'li',
    { className: `message ${className}`, data: id ? { id, room } : {} },
    avatar(from.name),
    element(
      'header',
      {},
      own ? undefined : element('strong', {}, from.name),
      from.node ? nodeBadge(from.node, `taken by ${from.node}`) : undefined,
      restored ? element('span', { className: 'tag recovered' }, 'restored') : undefined,
      element('time', { datetime: new Date(at).toISOString() }, time.format(at)),
    ),
    element('p', { className: 'bubble' }, text),
  );
}
