import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/adapter/resolve-options.js';
import { BroadcastEmitter } from '../../src/adapter/emitter/broadcast-emitter.js';
import { EVENT_NAMES } from '../../src/module/event-log.js';
import { MODULE_OPTION_NAMES } from '../../src/module/module-options.validation.js';
import { RedisStreamsCluster } from '../../src/module/index.js';
import { anchors, pages, read, ROOT } from './markdown.js';

describe('the documentation', () => {
  it.each(pages())('links to what exists: %s', (page) => {
    const broken = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^(?:https?|mailto):/.test(target))
      .filter((target) => {
        const [path, anchor] = target.split('#') as [string, string?];
        const file = path === '' ? page : normalize(join(dirname(page), path));
        if (!existsSync(`${ROOT}${file}`)) return true;
        return anchor !== undefined && !anchors(file).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('lists every option of the adapter with its default', () => {
    const [, table] = /<!-- options:start -->(.*)<!-- options:end -->/s.exec(read('README.md'))!;
    const documented = Object.fromEntries(
      [...table!.matchAll(/^\| `(\w+)`\s*\| ([^|]+?)\s*\|/gm)].map(([, name, value]) => [name, value]),
    );
    const { telemetry: _, ...defaults } = resolveOptions();
    const actual = Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [
        name,
        value === undefined
          ? name === 'scope'
            ? 'by port and path'
            : 'none'
          : `\`${typeof value === 'string' ? `'${value}'` : String(value)}\``,
      ]),
    );
    expect(documented).toEqual(actual);
  });

  it('lists every option of the module', () => {
    const [own] = read('docs/options.md').split('## The adapter');
    const listed = [...own!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
    // `scope` is in the table of the adapter.
    const taken = [...MODULE_OPTION_NAMES.filter((name) => name !== 'scope'), 'name', 'isGlobal'];

    expect(listed.sort()).toEqual(taken.sort());
  });

  it('lists every event', () => {
    const [, table] = /## Events\n(.*)/s.exec(read('docs/operations.md'))!;
    const listed = [...table!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);

    expect(listed.sort()).toEqual([...EVENT_NAMES].sort());
  });

  it('lists every method of RedisStreamsCluster, and of the emitter', () => {
    const methods = (type: { prototype: object }): string[] =>
      Object.getOwnPropertyNames(type.prototype).filter((name) => name !== 'constructor');
    const cluster = [...read('docs/health.md').matchAll(/^\| `(\w+)\(.*?\)`/gm)].map(([, name]) => name!);
    const emitter = read('docs/emitter.md');

    expect(cluster.filter((name) => !name.startsWith('is')).sort()).toEqual(methods(RedisStreamsCluster).sort());
    for (const name of [...methods(BroadcastEmitter), 'of', 'serverSideEmit', 'ready', 'close']) {
      expect(emitter).toMatch(new RegExp(`\`(emitter\\.)?${name}\\b|emitter\\.${name}\\b`));
    }
  });
});
