import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const FOLDER = fileURLToPath(new URL('../../dashboards/', import.meta.url));
const load = <T>(file: string): T => parse(readFileSync(FOLDER + file, 'utf8')) as T;

interface Service {
  image: string;
  command?: string;
  ports?: string[];
  volumes?: string[];
  depends_on?: string[];
  environment?: Record<string, string>;
}
interface Collector {
  receivers: { otlp: { protocols: { http: { endpoint: string } } } };
  exporters: { prometheus: { endpoint: string }; otlp: { endpoint: string } };
  service: { pipelines: Record<string, { receivers: string[]; processors: string[]; exporters: string[] }> };
}

const { services } = load<{ services: Record<string, Service> }>('compose.yaml');
const all = Object.entries(services);
const portOf = (endpoint: string): string => endpoint.slice(endpoint.lastIndexOf(':') + 1);

/** Where a file of this folder is found in the container. */
function mounts({ volumes = [] }: Service): Map<string, string> {
  return new Map(
    volumes.map((volume) => {
      const [source, target, mode] = volume.split(':') as [string, string, string];
      expect(mode, volume).toBe('ro');
      return [target, source];
    }),
  );
}

describe('compose.yaml', () => {
  it('starts what the page lists', () => {
    expect(Object.keys(services)).toEqual(['redis', 'collector', 'prometheus', 'tempo', 'grafana']);
  });

  it.each(all)('has a version of %s that stays', (_name, { image }) => {
    expect(image).toMatch(/^[a-z/-]+:v?\d+\.\d+(\.\d+)?$/);
  });

  it.each(all)('mounts what is there: %s', (_name, service) => {
    for (const source of mounts(service).values()) {
      expect(existsSync(FOLDER + source) && statSync(FOLDER + source).isFile(), source).toBe(true);
    }
    const [, file] = /-?-config(?:\.file)?=(\S+)/.exec(service.command ?? '') ?? [];
    if (file !== undefined) expect([...mounts(service).keys()]).toContain(file);
  });

  it.each(all)('opens ports to this machine alone: %s', (_name, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
  });

  it.each(all)('waits for services that there are: %s', (_name, { depends_on = [] }) => {
    for (const name of depends_on) expect(services).toHaveProperty(name);
  });

  it('uses each file of its folder', () => {
    const mounted = all.flatMap(([, service]) => [...mounts(service).values()]);
    const files = ['collector', 'grafana-dashboards', 'grafana-datasources', 'prometheus', 'tempo'];
    for (const name of files) expect(mounted).toContain(`./compose/${name}.yaml`);
  });
});

describe('what compose.yaml starts', () => {
  const collector = load<Collector>('compose/collector.yaml');

  it('takes OTLP where an exporter sends it by default', () => {
    const port = portOf(collector.receivers.otlp.protocols.http.endpoint);
    expect(port).toBe('4318');
    expect(services['collector']!.ports).toEqual([`127.0.0.1:${port}:${port}`]);
  });

  it('passes the traces on to Tempo, and has Prometheus fetch the metrics', () => {
    const tempo = load<{ distributor: { receivers: { otlp: { protocols: { grpc: { endpoint: string } } } } } }>(
      'compose/tempo.yaml',
    );
    const prometheus = load<{ scrape_configs: [{ static_configs: [{ targets: string[] }] }]; rule_files: string[] }>(
      'compose/prometheus.yaml',
    );
    const { endpoint } = tempo.distributor.receivers.otlp.protocols.grpc;
    expect(collector.exporters.otlp.endpoint).toBe(`tempo:${portOf(endpoint)}`);
    expect(prometheus.scrape_configs[0].static_configs[0].targets).toEqual([
      `collector:${portOf(collector.exporters.prometheus.endpoint)}`,
    ]);
    expect(collector.service.pipelines).toMatchObject({
      traces: { receivers: ['otlp'], exporters: ['otlp'] },
      metrics: { receivers: ['otlp'], exporters: ['prometheus'] },
    });
    // Beside the configuration, as it names them.
    const targets = [...mounts(services['prometheus']!).keys()];
    for (const file of prometheus.rule_files) expect(targets).toContain(`/etc/prometheus/${file}`);
  });

  it('shows the dashboard in Grafana, with both data sources', () => {
    const { datasources } = load<{ datasources: Array<{ type: string; url: string }> }>(
      'compose/grafana-datasources.yaml',
    );
    const { server } = load<{ server: { http_listen_port: number } }>('compose/tempo.yaml');
    expect(datasources.map(({ type, url }) => [type, url])).toEqual([
      ['prometheus', `http://prometheus:${portOf(services['prometheus']!.ports![0]!)}`],
      ['tempo', `http://tempo:${server.http_listen_port}`],
    ]);
    const { providers } = load<{ providers: [{ options: { path: string } }] }>('compose/grafana-dashboards.yaml');
    const home = services['grafana']!.environment!['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']!;
    expect(mounts(services['grafana']!).get(home)).toBe('./dashboard.json');
    expect(home.startsWith(`${providers[0].options.path}/`)).toBe(true);
  });
});
