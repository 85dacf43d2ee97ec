import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { mustBeLocal } from './redis-cluster-server.js';
import { RedisServer, type RedisServerOptions } from './redis-server.js';
import { run } from './run.js';

/** A Redis server with TLS and a self-signed certificate, for tests. It ends with this process. */
export class RedisTlsServer {
  private constructor(
    /** The server, which takes plain connections on a port of its own. */
    readonly server: RedisServer,
    /** Port on 127.0.0.1 that takes TLS alone. */
    readonly port: number,
    /** The certificate, in PEM: for `socket.ca` of node-redis, or `tls.ca` of ioredis. */
    readonly certificate: string,
    private readonly folder: string,
  ) {}

  /** For example `rediss://127.0.0.1:12345`. */
  get url(): string {
    return `rediss://127.0.0.1:${this.port}`;
  }

  /**
   * Makes a certificate for 127.0.0.1 and starts a server with it.
   *
   * @throws if the program `openssl` does not run, or if the server was built without TLS.
   */
  static async start(options: RedisServerOptions = {}): Promise<RedisTlsServer> {
    await mustBeLocal('A server and its certificate');
    const folder = await mkdtemp(join(tmpdir(), 'redis-tls-'));
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    try {
      await run('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', certificate]);
      const port = await freePort();
      const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key];
      const server = await RedisServer.start({
        ...options,
        args: [...tls, '--tls-auth-clients', 'no', ...(options.args ?? [])],
      });
      return new RedisTlsServer(server, port, await readFile(certificate, 'utf8'), folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Ends the server, and removes its data and its certificate. */
  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
