import { Connection } from './connection.js';
import { Conversation } from './conversation.js';
import { avatar, byId, element, nodeBadge } from './elements.js';
import { TypingPeople, TypingTeller } from './typing.js';

const SUGGESTED_ROOMS = ['lobby', 'coffee', 'streams'];
const DROP_MS = 5_000;
const NOTICE_MS = 6_000;

/** Rooms by name: what was said there, who is there, what is unread, and whether this person joined. */
const rooms = new Map();
let current;

const typingPeople = new TypingPeople(() => byId('typing').replaceChildren(typingPeople.sentence(current)));
const typingTeller = new TypingTeller((body) => connection.tell('typing', body));

const connection = new Connection(readName(), {
  changed: showConnection,
  connected,
  disconnected,
  refused: notice,
  message: (message, how) => {
    const room = roomOf(message.room);
    room.conversation.message(message, how);
    typingPeople.heard({ room: message.room, name: message.from.name, typing: false });
    if (message.room !== current) {
      room.unread += 1;
      showRooms();
    }
  },
  presence: ({ room, people }) => {
    roomOf(room).people = people;
    showPeople();
    showRooms();
  },
  typing: (typing) => typingPeople.heard(typing),
});

// Rooms

function roomOf(name) {
  if (!rooms.has(name)) {
    rooms.set(name, { conversation: new Conversation(name), people: [], unread: 0, joined: false });
  }
  return rooms.get(name);
}

async function enter(name) {
  const room = roomOf(name);
  current = name;
  room.unread = 0;
  location.hash = encodeURIComponent(name);
  byId('room-title').textContent = name;
  byId('log').replaceChildren(room.conversation.list);
  byId('log').scrollTop = byId('log').scrollHeight;
  byId('text').placeholder = `Message #${name}`;
  byId('sidebar').classList.remove('open');
  showRooms();
  showPeople();
  typingPeople.changed();
  if (!room.joined) {
    room.joined = true;
    await join(name);
  }
}

async function join(name) {
  if (connection.state !== 'connected') {
    // Every joined room is joined as soon as there is a connection.
    return;
  }
  const room = roomOf(name);
  try {
    ({ people: room.people } = await connection.call('join', { room: name }));
  } catch (error) {
    room.joined = false;
    notice(error.message);
  }
  showRooms();
  showPeople();
}

async function leave(name) {
  try {
    await connection.call('leave', { room: name });
  } catch (error) {
    notice(error.message);
    return;
  }
  Object.assign(roomOf(name), { joined: false, people: [] });
  roomOf(name).conversation.marker('You left.');
  const next = [...rooms].find(([, room]) => room.joined)?.[0];
  if (next) {
    await enter(next);
  }
  showRooms();
}

function showRooms() {
  byId('rooms').replaceChildren(
    ...[...rooms].map(([name, { people, unread, joined }]) => {
      const button = element(
        'button',
        { className: joined ? 'room joined' : 'room', type: 'button', 'aria-current': String(name === current) },
        element('span', { className: 'name' }, name),
        unread > 0 ? element('span', { className: 'unread', title: 'unread' }, String(unread)) : undefined,
        joined ? element('span', { className: 'online', title: 'here now' }, String(people.length)) : undefined,
      );
      button.addEventListener('click', () => void enter(name));
      return element('li', {}, button);
    }),
  );
}

function showPeople() {
  const { people } = roomOf(current);
  byId('people-count').textContent = String(people.length);
  byId('here').textContent = `${people.length} here`;
  byId('here').title = people.map(({ name }) => name).join(', ');
  byId('people').replaceChildren(
    ...people.map(({ id, name, node }) => {
      const you = id === connection.socket.id ? ' (you)' : '';
      const who = element(
        'span',
        { className: 'who' },
        element('span', { className: 'name' }, name + you),
        nodeBadge(node),
      );
      return element('li', { className: 'person' }, avatar(name), who);
    }),
  );
}

// Connection

function connected({ first, recovered, missed, before }) {
  if (!first) {
    const moved = before === connection.node ? `by ${before} again` : `by ${connection.node}, before by ${before}`;
    const messages = missed === 1 ? '1 message' : `${missed} messages`;
    showReturn(recovered, recovered ? `${messages} restored` : 'what was missed is lost');
    everyJoinedRoom((room) =>
      room.conversation.marker(
        recovered ? `Recovered: ${messages} restored · served ${moved}` : `New session · served ${moved}`,
        recovered ? 'good' : 'warn',
      ),
    );
  }
  if (!recovered) {
    rooms.forEach((room, name) => room.joined && void join(name));
  }
}

function disconnected() {
  everyJoinedRoom((room) => room.conversation.marker('Connection lost'));
}

function everyJoinedRoom(action) {
  rooms.forEach((room) => room.joined && action(room));
}

function showReturn(recovered, detail) {
  const className = recovered ? 'recovered' : 'fresh';
  const text = recovered ? 'Recovered' : 'New session';
  byId('last-return').replaceChildren(
    element('span', { className: `tag ${className}` }, text),
    element('span', { className: 'detail' }, detail),
  );
  const badge = byId('return-badge');
  badge.className = `return-badge ${className}`;
  badge.textContent = text;
  badge.title = detail;
  badge.hidden = false;
}

function showConnection() {
  const { state, node, pid, transport } = connection;
  byId('connection').dataset.state = state;
  byId('drop').disabled = state !== 'connected';
  byId('state').textContent = { connected: 'Connected', connecting: 'Connecting …', offline: 'Offline' }[state];
  byId('transport').textContent = state === 'connected' ? transport : '–';
  byId('served-by').replaceChildren(
    ...(state === 'connected' ? [nodeBadge(node), element('span', { className: 'pid' }, `pid ${pid}`)] : ['–']),
  );
  if (state === 'connected') {
    byId('node-badge').replaceChildren(nodeBadge(node, `This page is served by ${node}, process ${pid}`));
  }
}

function drop() {
  const back = Date.now() + DROP_MS;
  connection.drop(DROP_MS);
  const timer = setInterval(show, 250);
  function show() {
    const seconds = Math.ceil((back - Date.now()) / 1_000);
    if (connection.state === 'offline' && seconds > 0) {
      byId('state').textContent = `Offline, back in ${seconds} s`;
    } else {
      clearInterval(timer);
    }
  }
}

// What the person does

async function send(text) {
  typingTeller.stopped();
  const { conversation } = roomOf(current);
  const item = conversation.sending(byId('name').value, text);
  try {
    const { id } = await connection.call('message', { room: current, text });
    conversation.arrived(item, id);
  } catch (error) {
    conversation.failed(item, error.message);
    notice(error.message);
  }
}

function onSubmit(form, field, action) {
  byId(form).addEventListener('submit', (event) => {
    event.preventDefault();
    const value = byId(form).elements[field].value.trim();
    if (value !== '') {
      byId(form).elements[field].value = '';
      void action(value);
    }
  });
}

async function rename() {
  const name = byId('name').value.trim();
  if (name === sessionStorage.getItem('name')) {
    return;
  }
  sessionStorage.setItem('name', name);
  try {
    await connection.rename(name);
  } catch (error) {
    notice(error.message);
  }
}

let noticeTimer;
function notice(text) {
  byId('notice').textContent = text;
  byId('notice').hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (byId('notice').hidden = true), NOTICE_MS);
}

/** In the address, from before, or one for the occasion. Per tab, so that two tabs are two people. */
function readName() {
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const name =
    new URLSearchParams(location.search).get('name') ??
    sessionStorage.getItem('name') ??
    `${pick(['Quiet', 'Swift', 'Merry', 'Bright', 'Clever', 'Gentle'])} ${pick(['Otter', 'Heron', 'Fox', 'Wren', 'Lynx', 'Finch'])}`;
  sessionStorage.setItem('name', name);
  return name;
}

byId('name').value = sessionStorage.getItem('name');
byId('me').addEventListener('submit', (event) => {
  event.preventDefault();
  void rename();
});
byId('name').addEventListener('change', () => void rename());
byId('drop').addEventListener('click', drop);
byId('leave').addEventListener('click', () => void leave(current));
byId('open-sidebar').addEventListener('click', () => byId('sidebar').classList.add('open'));
byId('close-sidebar').addEventListener('click', () => byId('sidebar').classList.remove('open'));
byId('text').addEventListener('input', () => typingTeller.input(current, byId('text').value));
onSubmit('composer', 'text', send);
onSubmit('new-room', 'room', enter);

SUGGESTED_ROOMS.forEach(roomOf);
void enter(decodeURIComponent(location.hash.slice(1)) || SUGGESTED_ROOMS[0]);
