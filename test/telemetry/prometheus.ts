import { spawn } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianPackage } from '../../src/testing/debian-packages.js';
import { freePort } from '../../src/testing/free-port.js';
import { poll } from '../../src/testing/poll.js';
import { run } from '../../src/testing/run.js';
import { Watchdog } from '../../src/testing/watchdog.js';

/** Folder of `prometheus` and `promtool`, as an ending of a path; empty where they are on PATH. */
export type PrometheusPrograms = string;

/** Finds Prometheus on PATH or in the packages of Debian or Ubuntu. @throws with the reason where there is none. */
export async function findPrometheus(): Promise<PrometheusPrograms> {
  try {
    await run('prometheus', ['--version']);
    await run('promtool', ['--version']);
    return '';
  } catch {
    return debianPackage('prometheus', async (root) => {
      const folder = join(root, 'usr/bin/');
      await run(`${folder}prometheus`, ['--version']);
      await access(`${folder}promtool`);
      return folder;
    });
  }
}

export interface Answer {
  metric: Record<string, string>;
  value: [number, string];
}

/** A Prometheus that scrapes one target each second. */
export class Prometheus {
  private constructor(
    private readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(programs: PrometheusPrograms, target: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const port = await freePort();
    const config = {
      global: { scrape_interval: '1s' },
      scrape_configs: [{ job_name: 'chat', static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML.
    await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const child = spawn(
      `${programs}prometheus`,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
    const exited = new Promise((resolve) => child.once('close', resolve));
    const watchdog = new Watchdog('kill -KILL "$1"; rm -rf "$2"', String(child.pid), folder);
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
      watchdog.dismiss();
      await rm(folder, { recursive: true, force: true });
    };
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, stop);
    const ready = await poll(() => prometheus.#isReady(), 20_000);
    if (!ready) {
      await stop();
      throw new Error(`Prometheus does not answer on port ${port}: ${log}`);
    }
    return prometheus;
  }

  /** The answer to a query now. @throws with the words of Prometheus when it is malformed. */
  async query(query: string): Promise<Answer[]> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query }).toString()}`);
    const body = (await response.json()) as { error?: string; data?: { result: Answer[] } };
    if (!body.data) {
      throw new Error(`Prometheus refuses the query ${query}: ${body.error}`);
    }
    return body.data.result;
  }

  async #isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/-/ready`).catch(() => undefined);
    return response?.ok === true;
  }
}
