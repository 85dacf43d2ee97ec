import { createServer } from 'node:net';
import { Problem } from './problem.mjs';

export const HOST = '127.0.0.1';

/**
 * Sees to it that the sample's ports are free before anything is built or started.
 *
 * @throws {Problem} naming the first one that is not.
 */
export async function checkPorts({ port, nodes }) {
  for (let number = 0; number <= nodes; number += 1) {
    const code = await errorOfListening(port + number);
    if (code) {
      throw portProblem(code, port, number);
    }
  }
}

/** @param number 0 for the port of the page, otherwise the number of the node. */
export function portProblem(code, port, number = 0) {
  const which = number === 0 ? `Port ${port}` : `Port ${port + number}, on which node ${number} would listen,`;
  const why = code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${code})`;
  return new Problem(`${which} ${why}. End that program, or choose another port: PORT=${elsewhere(port)} npm start`);
}

function elsewhere(port) {
  return port < 60_000 ? port + 100 : 3000;
}

function errorOfListening(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => resolve(error.code));
    probe.listen(port, HOST, () => probe.close(() => resolve(undefined)));
  });
}
