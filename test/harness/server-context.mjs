import { createServer as createHttpServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInThisContext } from 'node:vm';
import { Server } from 'socket.io';

/** What the functions that a test sends get as `ctx`; its type is NodeContext in node-context.ts. */
export class ServerContext {
  Server = Server;
  io = undefined;
  url = undefined;
  redis = undefined;
  createAdapter = undefined;
  adapterFactory = undefined;
  options = undefined;
  /** For the test to keep things in between two calls. */
  state = {};
  #records = new Map();

  async start(options) {
    this.options = options;
    this.createAdapter = await loadAdapter(options.adapter);
    if (this.createAdapter) {
      this.redis = await this.createRedisClient();
      this.adapterFactory = this.createAdapter(this.redis, options.adapterOptions);
    }
    const { io, listen } = await this.#build(options.serverOptions, this.adapterFactory, options.lateAdapter);
    this.io = io;
    if (options.setup) {
      await this.evaluate(options.setup)(io, this);
    }
    if (options.waitUntilReady) {
      await this.ready();
    }
    this.url = await listen(options.port);
    return this.url;
  }

  evaluate(source) {
    return runInThisContext(`(${source})`);
  }

  /** A further server in this process; resolves with it and the URL that it listens on. */
  async createServer(serverOptions = {}, factory = this.createAdapter(this.redis, this.options.adapterOptions)) {
    const { io, listen } = await this.#build(serverOptions, factory, false);
    return { io, url: await listen(0) };
  }

  async #build(serverOptions, factory, late) {
    const httpServer = createHttpServer();
    const parser = this.options.parser && (await import(this.options.parser)).default;
    const io = new Server(httpServer, {
      ...serverOptions,
      ...(parser && { parser }),
      ...(factory && !late && { adapter: factory }),
    });
    if (factory && late) {
      io.adapter(factory);
    }
    const listen = (port) =>
      new Promise((resolve, reject) => {
        httpServer.once('error', reject);
        httpServer.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${httpServer.address().port}`));
      });
    return { io, listen };
  }

  /** A connection to Redis made as the one of the adapter is, with the same name. */
  async createRedisClient() {
    const { redisClient, redisUrl, redisOptions, name } = this.options;
    const client = await newRedisClient(redisClient, redisUrl, redisOptions, name);
    client.on('error', this.record('redis error'));
    if (redisClient === 'redis' && this.options.connectRedis) {
      await client.connect();
    }
    return client;
  }

  /** Resolves once the adapter takes part in the cluster. */
  async ready() {
    const { adapter } = this.io.of('/');
    if (typeof adapter.ready === 'function') {
      await adapter.ready();
    } else if (this.redis) {
      // The adapter of Socket.IO does not tell: what is sent before its first XREAD is lost to it.
      const streams = this.options.adapterOptions.streamCount ?? 1;
      await this.waitFor(async () => {
        const mine = (await this.connections()).filter(({ name }) => name === this.options.name);
        const reading = mine.filter(({ cmd }) => cmd === 'xread').length;
        return reading === streams && mine.some(({ sub, ssub }) => Number(sub) + Number(ssub ?? 0) > 0);
      });
    }
  }

  /** The connections that Redis has, this process's under its name: the fields of CLIENT LIST. */
  async connections() {
    const command = ['CLIENT', 'LIST'];
    const list = await (this.options.redisClient === 'redis'
      ? this.redis.sendCommand(command)
      : this.redis.call(...command));
    const lines = String(list).trim().split('\n');
    return lines.map((line) => Object.fromEntries(line.split(' ').map((field) => field.split(/=(.*)/s).slice(0, 2))));
  }

  /** A listener that keeps what it is called with; functions among the arguments are left out. */
  record(name) {
    const calls = this.recorded(name);
    return (...args) => void calls.push(args.filter((arg) => typeof arg !== 'function'));
  }

  recorded(name) {
    if (!this.#records.has(name)) {
      this.#records.set(name, []);
    }
    return this.#records.get(name);
  }

  async waitFor(probe, deadline = 20_000) {
    const end = performance.now() + deadline;
    for (;;) {
      const answer = await probe();
      if (answer) {
        return answer;
      }
      if (performance.now() > end) {
        throw new Error(`${this.options.name} waited ${deadline} ms in vain for: ${probe}`);
      }
      await sleep(2);
    }
  }

  async close() {
    await this.io.close();
    if (this.redis) {
      await (this.options.redisClient === 'redis' ? this.redis.close() : this.redis.quit());
    }
    setImmediate(() => process.exit());
  }
}

async function loadAdapter(name) {
  if (name === 'memory') {
    return undefined;
  }
  if (name === 'peer') {
    const { default: peer } = await import('@socket.io/redis-streams-adapter');
    return peer.createAdapter;
  }
  const { createAdapter } = await import('nestjs-redis-streams-adapter/adapter');
  return createAdapter;
}

async function newRedisClient(kind, url, options, name) {
  if (kind === 'ioredis') {
    const { Redis } = await import('ioredis');
    return new Redis(url, { ...options, connectionName: name });
  }
  const { createClient } = await import('redis');
  return createClient({ ...options, url, name });
}
