import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { poll } from '../../src/testing/poll.js';
import { findRedis, type FoundRedis } from '../../src/testing/index.js';
import { run } from '../../src/testing/run.js';
import { MetricName } from '../../src/telemetry/index.js';
import { COUNTERS, GAUGES, HISTOGRAMS, UP_DOWN_COUNTERS } from '../../src/telemetry/metric-definitions.js';
import { findPrometheus, Prometheus, type Answer } from './prometheus.js';

const FOLDER = fileURLToPath(new URL('../../dashboards/', import.meta.url));

interface Panel {
  type: string;
  title: string;
  datasource?: { type: string; uid: string };
  targets?: Array<{ expr?: string; query?: string }>;
}
interface Dashboard {
  panels: Panel[];
  templating: { list: Array<{ name: string; definition?: string }> };
}

const dashboard = JSON.parse(await readFile(join(FOLDER, 'dashboard.json'), 'utf8')) as Dashboard;
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.flatMap(({ expr }) => (expr === undefined ? [] : [[title, expr] as const])),
);
const rules = await readFile(join(FOLDER, 'alerts.yaml'), 'utf8');

const found = await findPrometheus().catch((error: Error) => error);
const programs = found instanceof Error ? '' : found;
if (found instanceof Error) {
  console.warn(`The dashboard is not checked, for there is no Prometheus: ${found.message}`);
}

/** The query as Grafana sends it. */
function filled(expr: string, sec: string): string {
  const values: Record<string, string> = { job: 'chat', instance: '.*', sec, __rate_interval: '10s' };
  return expr.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const value = values[braced ?? bare ?? ''];
    if (value === undefined) {
      throw new Error(`The variable ${whole} is none of the dashboard's.`);
    }
    return value;
  });
}

describe('the dashboard', () => {
  test('has the rows and the variables that it is documented to have', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Overview', 'Flow', 'Redis', 'Sessions', 'Cluster']);
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['metrics', 'traces', 'job', 'instance', 'sec']);
    expect(dashboard.panels.filter(({ datasource }) => datasource?.type === 'tempo')).toHaveLength(1);
  });

  test('shows every metric', () => {
    const text = queries.map(([, expr]) => expr).join('\n');
    const missing = Object.values(MetricName).filter((name) => !text.includes(name.replaceAll('.', '_')));
    expect(missing).toEqual([]);
  });

  test('takes seconds under both of their names', () => {
    const definitions = Object.values({ ...COUNTERS, ...HISTOGRAMS, ...GAUGES, ...UP_DOWN_COUNTERS });
    const seconds = definitions.filter(({ unit }) => unit === 's').map(({ name }) => name.replaceAll('.', '_'));
    expect(seconds.length).toBeGreaterThan(5);
    for (const name of definitions.map((definition) => definition.name.replaceAll('.', '_'))) {
      // What may follow: the variable, and then only what Prometheus makes of a counter or a histogram.
      const endings = seconds.includes(name)
        ? /^\$\{sec\}(_bucket|_count|_sum)?\{/
        : /^(_total|_bucket|_count|_sum)?\{/;
      for (const [title, expr] of queries) {
        for (const rest of expr.split(name).slice(1)) {
          expect(rest, title).toMatch(endings);
        }
      }
    }
    for (const [, selector] of rules.matchAll(/__name__=~"(\w+\(_seconds\)\?)"/g)) {
      expect(seconds.map((name) => `${name}(_seconds)?`)).toContain(selector);
    }
  });

  test('asks each query for the chosen job and instance, everywhere', () => {
    for (const [title, expr] of queries) {
      const selectors = expr.match(/\{[^{}$]*\$job[^{}]*\}/g) ?? [];
      const metrics = expr.match(/\b(?:socketio|messaging)_\w+(?:\$\{sec\}\w*)?\{/g) ?? [];
      expect(selectors.length, title).toBe(metrics.length);
      expect(
        selectors.every((selector) => selector.includes('instance=~"$instance"')),
        title,
      ).toBe(true);
    }
  });
});

describe.skipIf(found instanceof Error)('promtool', () => {
  const promtool = (...args: string[]): Promise<string> => run(`${programs}promtool`, args, { cwd: FOLDER });

  test('finds nothing wrong with the alert rules', async () => {
    expect(await promtool('check', 'rules', 'alerts.yaml')).toContain('SUCCESS');
  });

  test('sees each alert fire for what it is about, and for nothing else', async () => {
    expect(await promtool('test', 'rules', 'alerts.test.yaml')).toContain('SUCCESS');
    const tests = await readFile(join(FOLDER, 'alerts.test.yaml'), 'utf8');
    for (const [, name] of rules.matchAll(/alert: (\w+)/g)) {
      expect(tests, `${name} fires in a test`).toMatch(new RegExp(`alertname: ${name}\\n +exp_alerts:`));
    }
  });

  test('finds nothing wrong with the configuration of the Prometheus in compose.yaml', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-config-'));
    try {
      await cp(join(FOLDER, 'compose/prometheus.yaml'), join(folder, 'prometheus.yaml'));
      await cp(join(FOLDER, 'alerts.yaml'), join(folder, 'alerts.yaml'));
      expect(await promtool('check', 'config', join(folder, 'prometheus.yaml'))).toContain('SUCCESS');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe.skipIf(found instanceof Error)('a Prometheus that scrapes two nodes', () => {
  const script = fileURLToPath(new URL('metrics-process.ts', import.meta.url));
  let redis: FoundRedis | undefined;
  let scraped: ReturnType<typeof spawn> | undefined;
  let lastWords = '';
  let prometheus: Prometheus | undefined;

  beforeAll(async () => {
    redis = await findRedis();
    scraped = spawn(process.execPath, ['--import', 'tsx', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SCRAPED_REDIS: redis.url },
    });
    scraped.stderr!.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-4_000)));
    const [port] = (await once(scraped.stdout!, 'data')) as [Buffer];
    prometheus = await Prometheus.start(programs, `127.0.0.1:${port.toString().trim()}`);
  });

  afterAll(async () => {
    await prometheus?.stop();
    scraped?.kill('SIGKILL');
    await redis?.stop();
  });

  const isNumber = ({ value: [, text] }: Answer): boolean => !Number.isNaN(Number(text)) && text !== 'NaN';

  test.each(queries)('answers: %s', async (_title, expr) => {
    let answers: Answer[] = [];
    // A rate takes two scrapes after the first time that something happened.
    await poll(async () => {
      expect(scraped?.exitCode, `the nodes that are scraped are to go on: ${lastWords}`).toBeNull();
      answers = await prometheus!.query(filled(expr, ''));
      return answers.length > 0 && answers.every(isNumber);
    }, 15_000);
    expect(answers.length, expr).toBeGreaterThan(0);
    expect(answers.every(isNumber), JSON.stringify(answers)).toBe(true);
  });

  test('knows the job and the instance, from which one chooses', async () => {
    const variables = dashboard.templating.list.filter(({ definition }) => definition);
    expect(variables.map(({ name }) => name)).toEqual(['job', 'instance']);
    for (const { name, definition = '' } of variables) {
      const [, selector = ''] = /^label_values\((.*), \w+\)$/.exec(definition) ?? [];
      const answers = await prometheus!.query(filled(selector, ''));
      expect(answers.map(({ metric }) => metric[name])).toEqual([name === 'job' ? 'chat' : expect.any(String)]);
    }
  });
});
