// Everything that comes from other people is put in as text, never as markup.

/** Makes an element. `children` are elements or text; `hue` becomes a colour that the style sheet works with. */
export function element(tag, { className, title, hue, data = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) {
    made.className = className;
  }
  if (title) {
    made.title = title;
  }
  if (hue !== undefined) {
    made.style.setProperty('--hue', hue);
  }
  Object.assign(made.dataset, data);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  made.append(...children.filter((child) => child !== undefined && child !== ''));
  return made;
}

export const byId = (id) => document.getElementById(id);

const NODE_HUES = [174, 262, 28, 338, 206, 92, 48, 300];

/** A colour for each node, the same on every page. */
export function nodeHue(node) {
  const number = Number(/(\d+)$/.exec(node)?.[1] ?? 1);
  return NODE_HUES[(number - 1) % NODE_HUES.length];
}

export function nodeBadge(node, title) {
  return element('span', { className: 'node', hue: nodeHue(node), title, data: { node } }, node);
}

export function avatar(name) {
  const letters = name
    .split(/[\s._-]+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase());
  const made = element('span', { className: 'avatar', 'aria-hidden': 'true' }, letters.join(''));
  made.style.setProperty('--person', String(hash(name) % 360));
  return made;
}

function hash(text) {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7);
}
