import { randomUUID } from 'node:crypto';
import { answersPing } from './ping.js';
import { poll } from './poll.js';
import type { LaunchSettings, RedisInstance, RedisProgram } from './program.js';
import { run } from './run.js';
import { Watchdog } from './watchdog.js';

const DEFAULT_IMAGE = 'redis:7';
const READY_TIMEOUT_MS = 30_000;
const PULL_TIMEOUT_MS = 300_000;

/** Redis in a container; rejects where no Docker engine answers. */
export async function dockerProgram(image = DEFAULT_IMAGE): Promise<RedisProgram> {
  const engine = await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 10_000 }).catch(
    (error: Error) => {
      throw new Error(`No Docker engine answers. ${error.message}`, { cause: error });
    },
  );
  return {
    source: `container image ${image}, run by Docker ${engine.trim()}`,
    local: false,
    create: async (settings) => new DockerContainer(image, settings),
  };
}

class DockerContainer implements RedisInstance {
  private readonly name = `redis-server-${randomUUID()}`;
  private watchdog: Watchdog | undefined;

  constructor(
    private readonly image: string,
    private readonly settings: LaunchSettings,
  ) {}

  async start(): Promise<void> {
    await this.launch();
    let ended = false;
    const ready = await poll(async () => {
      const answers = await answersPing(this.settings.port);
      ended = !answers && (await this.state()) === 'exited';
      return answers || ended;
    }, READY_TIMEOUT_MS);
    if (!ready || ended) {
      const what = ended ? 'It ended.' : `It was not ready within ${READY_TIMEOUT_MS} ms.`;
      throw new Error(`${what} Its last words: ${await docker('logs', '--tail', '20', this.name)}`);
    }
  }

  private async launch(): Promise<void> {
    if (this.watchdog) {
      await docker('start', this.name);
      return;
    }
    this.watchdog = new Watchdog('docker rm --force --volumes "$1"', this.name);
    const publish = `127.0.0.1:${this.settings.port}:6379`;
    const server = ['--bind', '0.0.0.0', '--protected-mode', 'no', ...this.settings.args];
    await docker('run', '--detach', '--name', this.name, '--publish', publish, this.image, ...server);
  }

  async terminate(): Promise<void> {
    await docker('unpause', this.name).catch(() => undefined);
    await docker('stop', '-t', '5', this.name).catch(() => undefined);
  }

  async kill(): Promise<void> {
    await docker('unpause', this.name).catch(() => undefined);
    if ((await this.state()) !== 'exited') {
      await docker('kill', this.name);
      await docker('wait', this.name);
    }
  }

  async pause(): Promise<void> {
    await docker('pause', this.name);
  }

  async resume(): Promise<void> {
    if ((await this.state()) === 'paused') await docker('unpause', this.name);
  }

  // The data is a volume of the container.
  async clear(): Promise<void> {
    await this.remove();
  }

  async remove(): Promise<void> {
    await docker('rm', '--force', '--volumes', this.name);
    this.watchdog?.dismiss();
    this.watchdog = undefined;
  }

  /** See https://docs.docker.com/reference/cli/docker/container/ls/#status */
  private async state(): Promise<string> {
    return (await docker('inspect', '--format', '{{.State.Status}}', this.name)).trim();
  }
}

function docker(...args: string[]): Promise<string> {
  return run('docker', args, { timeout: PULL_TIMEOUT_MS });
}
