import { Problem } from './problem.mjs';

const MIN_NODES = 2;
const MAX_NODES = 8;
const LAST_PORT = 65_535;

/**
 * Reads PORT (default 3000) and NODES (default 2) from the environment. Node 1 takes the port after PORT for itself, and so on.
 *
 * @throws {Problem} if one of them is not usable.
 */
export function readSettings(env) {
  const nodes = wholeNumber(env.NODES, 2);
  if (!(nodes >= MIN_NODES && nodes <= MAX_NODES)) {
    throw new Problem(
      `NODES must be a whole number from ${MIN_NODES} to ${MAX_NODES}, but is "${env.NODES}". Try: NODES=3 npm start`,
    );
  }
  const port = wholeNumber(env.PORT, 3000);
  if (!(port >= 1 && port <= LAST_PORT - nodes)) {
    throw new Problem(
      `PORT must be a whole number from 1 to ${LAST_PORT - nodes}, but is "${env.PORT}". Try: PORT=3100 npm start`,
    );
  }
  return { port, nodes };
}

function wholeNumber(text, otherwise) {
  if (text === undefined || text === '') {
    return otherwise;
  }
  return /^\d+$/.test(text) ? Number(text) : NaN;
}
