import cluster from 'node:cluster';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Problem } from './problem.mjs';

const MAIN = fileURLToPath(new URL('../chat/dist/main.js', import.meta.url));
const GRACE_MS = 10_000;

/**
 * The node processes, as workers of `node:cluster`. One that ends by itself is started again, so that it can be stopped or
 * killed to see what becomes of its clients.
 */
export class Nodes {
  #workers = new Map();
  #settings;
  #redisUrl;
  #onFailure;
  #stopping = false;

  /** @param onFailure called with a {@link Problem} when a node ends before it was ready. */
  constructor(settings, redisUrl, onFailure) {
    this.#settings = settings;
    this.#redisUrl = redisUrl;
    this.#onFailure = onFailure;
    // What the balancer passes to a node are bytes.
    cluster.setupPrimary({ exec: MAIN, serialization: 'advanced' });
    cluster.on('message', (sender, message) => {
      if (message.type === 'spans') {
        this.#passOn(sender, message);
      }
    });
  }

  /** Starts all of them; resolves once every one is ready. */
  async start() {
    const numbers = Array.from({ length: this.#settings.nodes }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => this.#startOne(number)));
  }

  /** Stops all of them, gracefully where they do so in time. */
  async stop() {
    this.#stopping = true;
    await Promise.all([...this.#workers.values()].map(stopWorker));
  }

  #startOne(number) {
    const name = `node-${number}`;
    const port = this.#settings.port + number;
    const worker = cluster.fork({ NODE_NAME: name, PORT: String(port), REDIS_URL: this.#redisUrl });
    this.#workers.set(number, worker);
    setAvailable(worker, false);
    return new Promise((resolve) => {
      let ready = false;
      worker.on('message', ({ type }) => {
        if (type === 'node:ready') {
          ready = true;
          setAvailable(worker, true);
          resolve();
        } else if (type === 'node:leaving') {
          setAvailable(worker, false);
        }
      });
      worker.once('exit', (code, signal) => {
        void this.#ended(number, ready, signal ? `by ${signal}` : `with exit code ${code}`);
      });
    });
  }

  async #ended(number, ready, how) {
    // Ctrl-C in a terminal reaches the nodes, too, and the end of one may be heard of before the signal itself.
    await setTimeout(200);
    if (this.#stopping) {
      return;
    }
    if (!ready) {
      this.#onFailure(
        new Problem(`node-${number} ended ${how} before it was ready. Mend what it says above, and try again.`),
      );
      return;
    }
    console.log(`node-${number} ended ${how}. Starting it again.`);
    await this.#startOne(number);
  }

  #passOn(sender, message) {
    for (const worker of this.#workers.values()) {
      if (worker !== sender && worker.isConnected()) {
        worker.send(message, () => undefined);
      }
    }
  }
}

/**
 * The balancer gives a new client to the worker with the fewest, by a count that it keeps on the worker: one that is not
 * ready yet, or about to stop, counts as full.
 */
function setAvailable(worker, available) {
  worker.clientsCount = available ? 0 : Infinity;
}

async function stopWorker(worker) {
  if (worker.isDead()) {
    return;
  }
  const exited = once(worker, 'exit');
  worker.process.kill('SIGTERM');
  const inTime = await Promise.race([exited, setTimeout(GRACE_MS, false, { ref: false })]);
  if (!inTime) {
    worker.process.kill('SIGKILL');
    await exited;
  }
}
