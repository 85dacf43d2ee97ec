import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A forked script that answers commands over IPC. */
export class Child {
  #next = 0;

  static async start(script, options = {}, { silent = false } = {}) {
    const child = new Child();
    const path = fileURLToPath(new URL(script, import.meta.url));
    child.process = fork(path, [JSON.stringify(options)], { execArgv: ['--expose-gc'], silent });
    child.process.setMaxListeners(0);
    const hello = await Promise.race([
      once(child.process, 'message').then(([message]) => message),
      once(child.process, 'exit').then(([code]) => Promise.reject(new Error(`${script} ended with code ${code}.`))),
    ]);
    return Object.assign(child, hello);
  }

  ask(command, argument) {
    if (!this.process.connected) return Promise.reject(new Error(`The process that was to ${command} has ended.`));
    const id = ++this.#next;
    this.process.send({ id, command, argument });
    return new Promise((resolve, reject) => {
      const onMessage = (answer) => {
        if (answer.id !== id) return;
        settle();
        resolve(answer.result);
      };
      const onExit = (code) => {
        settle();
        reject(new Error(`The process that was asked to ${command} ended with code ${code}.`));
      };
      const settle = () => this.process.off('message', onMessage).off('exit', onExit);
      this.process.on('message', onMessage).on('exit', onExit);
    });
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }
}
