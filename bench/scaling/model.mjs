import { leastSquares } from './least-squares.mjs';

/**
 * What one message costs, in CPU microseconds, as a function of what there is of nodes, sockets and payload. Every node reads every
 * message; the one that publishes it and those that have sockets for it do more. Redis adds it once, and sends it to every node. Messages
 * that are emitted together share an entry.
 */
export const TERMS = {
  redis: {
    'an entry': ({ entries }) => entries,
    'an entry and node': ({ entries, nodes }) => entries * nodes,
    'a message and node': ({ nodes }) => nodes,
    'a KB and node': ({ kb, nodes }) => kb * nodes,
  },
  read: { '': () => 1, 'an entry': ({ entries }) => entries, 'a KB': ({ kb }) => kb },
  publish: { '': () => 1, 'an entry': ({ entries }) => entries, 'a KB': ({ kb }) => kb },
  deliver: { '': () => 1, 'a KB': ({ kb }) => kb, 'a socket': ({ sockets }) => sockets },
};

/** `entries` is how many entries of the stream there are for a message: 1 where each has its own. */
export function situationOf({ nodes, sockets, size, entries }) {
  return { nodes, sockets, kb: size / 1_024, entries };
}

/** What is a difference tells nothing when it is less than this share of what was subtracted. */
const LEAST = 0.1;

/** Fits the model to measurements. */
export function fit(measurements) {
  return Object.fromEntries(
    Object.entries(TERMS).map(([figure, terms]) => {
      const rows = measurements
        .filter(({ cpu }) => cpu[figure] > LEAST * (cpu.read ?? 0))
        .map((one) => ({
          terms: Object.values(terms).map((term) => term(situationOf(one))),
          value: one.cpu[figure],
        }));
      const weights = leastSquares(rows);
      return [figure, Object.fromEntries(Object.keys(terms).map((name, i) => [name, weights[i]]))];
    }),
  );
}

/** What the model says of a situation, in CPU microseconds a message. */
export function predict(model, figure, situation) {
  return Object.entries(TERMS[figure]).reduce((sum, [name, term]) => sum + model[figure][name] * term(situation), 0);
}
