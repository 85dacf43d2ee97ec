import { connect } from 'node:net';

/**
 * Whether a Redis server on 127.0.0.1 takes commands. One that is still loading its data does not; one that wants a
 * password first does.
 */
export function answersPing(port: number, timeout = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeout, () => done(false));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => done(!reply.toString('latin1').startsWith('-LOADING')));
  });
}
