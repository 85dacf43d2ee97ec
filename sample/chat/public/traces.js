import { byId, element, nodeBadge, nodeHue } from './elements.js';

const ASK_AGAIN_MS = 1_500;
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** What is drawn, by trace. A trace is drawn anew only when spans were added to it, so that what was opened stays open. */
const drawn = new Map();
let traces = [];

async function refresh() {
  try {
    const response = await fetch('/traces.json');
    traces = await response.json();
    draw();
  } catch {
    // The node may be stopping; the next one answers.
  }
  setTimeout(() => void refresh(), ASK_AGAIN_MS);
}

function draw() {
  const wanted = byId('only-across').checked ? traces.filter((spans) => nodesOf(spans).length > 1) : traces;
  const cards = wanted.map(card);
  if (
    cards.some((item, index) => byId('traces').children[index] !== item) ||
    cards.length !== byId('traces').children.length
  ) {
    byId('traces').replaceChildren(...cards);
  }
  byId('empty').hidden = cards.length > 0;
}

function card(spans) {
  const { traceId } = spans[0];
  const before = drawn.get(traceId);
  if (before?.count === spans.length) {
    return before.made;
  }
  const made = drawCard(spans);
  drawn.set(traceId, { made, count: spans.length });
  return made;
}

function drawCard(spans) {
  const start = Math.min(...spans.map((span) => span.start));
  const length = Math.max(...spans.map((span) => span.start + span.duration)) - start;
  const rows = inOrder(spans);
  const facts = `${clock.format(start)} · ${spans.length} ${spans.length === 1 ? 'span' : 'spans'} · ${duration(length)}`;
  return element(
    'article',
    { className: 'trace', title: spans[0].traceId, data: { trace: spans[0].traceId } },
    element(
      'header',
      {},
      element('h2', {}, rows[0].span.attributes['socketio.event.name'] ?? rows[0].span.name),
      element('span', { className: 'facts' }, facts),
      element('span', { className: 'spacer' }),
      ...nodesOf(spans).map((node) => nodeBadge(node)),
    ),
    element('div', { className: 'spans' }, ...rows.map(({ span, depth }) => row(span, depth, start, length))),
  );
}

function row(span, depth, start, length) {
  const percent = (milliseconds) => `${length > 0 ? (milliseconds / length) * 100 : 0}%`;
  const bar = element('span', { className: 'bar', hue: nodeHue(span.node) });
  bar.style.left = `min(${percent(span.start - start)}, 100% - 4px)`;
  bar.style.width = percent(span.duration);
  const facts = { node: span.node, kind: span.kind, 'span id': span.spanId, ...span.attributes };
  const made = element(
    'details',
    { className: span.failed ? 'span failed' : 'span' },
    element(
      'summary',
      {},
      element(
        'span',
        { className: 'label' },
        nodeBadge(span.node),
        element('span', { className: 'name', title: span.name }, span.name),
        element('span', { className: 'kind' }, span.kind),
      ),
      element('span', { className: 'track' }, bar),
      element('span', { className: 'duration' }, duration(span.duration)),
    ),
    element(
      'dl',
      { className: 'attributes' },
      ...Object.entries(facts).flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
    ),
  );
  made.style.setProperty('--depth', String(depth));
  return made;
}

/** Every span under its parent, siblings by their start; a span whose parent is not among them stands at the margin. */
function inOrder(spans) {
  const ids = new Set(spans.map((span) => span.spanId));
  const parentOf = (span) => (ids.has(span.parentSpanId) ? span.parentSpanId : undefined);
  const under = (parent, depth) =>
    spans
      .filter((span) => parentOf(span) === parent)
      .sort((a, b) => a.start - b.start)
      .flatMap((span) => [{ span, depth }, ...under(span.spanId, depth + 1)]);
  return under(undefined, 0);
}

function nodesOf(spans) {
  return [...new Set(spans.map((span) => span.node))].sort();
}

function duration(milliseconds) {
  return milliseconds < 1 ? `${Math.round(milliseconds * 1_000)} µs` : `${milliseconds.toFixed(1)} ms`;
}

byId('only-across').addEventListener('change', draw);
void refresh();
