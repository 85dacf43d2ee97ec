import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/adapter/resolve-options.js';
import { BroadcastEmitter } from '../../src/adapter/emitter/broadcast-emitter.js';
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

  it('lists every event, with its fields', () => {
    const [, table] = /## Events\n(.*)/s.exec(read('docs/operations.md'))!;
    const documented = [...table!.matchAll(/^\| `(\w+)`.*$/gm)].map(([row, name]) => {
      const cells = row!.split(/(?<!\\)\|/);
      return [name, [...cells[3]!.matchAll(/`(.*?)`/g)].map(([, field]) => field!.replaceAll('\\|', '|'))];
    });

    expect(Object.fromEntries(documented)).toEqual(eventFields());
  });

  it('proves every guarantee with a test', () => {
    const [guarantees] = read('docs/guarantees.md').split('## Where they end');
    const all = guarantees!.split(/^(?=- |#)/m).filter((part) => part.startsWith('- **G'));
    const numbers = all.map((part) => /G\d+/.exec(part)![0]);
    const proven = all.filter((part) => /\]\(\.\.\/(?:test|src)\/\S+\.(?:test|spec)\.ts\)/.test(part));

    expect(numbers).toEqual(Array.from({ length: 24 }, (_, n) => `G${n + 1}`));
    expect(numbers.filter((_, n) => !proven.includes(all[n]!))).toEqual([]);
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

/** The fields of each event, with their types, as they stand in the code. */
function eventFields(): Record<string, string[]> {
  const file = 'src/adapter/events.ts';
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const map = source.statements
    .filter(ts.isInterfaceDeclaration)
    .find(({ name }) => name.text === 'RedisStreamsEvents')!;
  return Object.fromEntries(
    map.members.filter(ts.isPropertySignature).map(({ name, type }) => {
      const [event] = (type as ts.TupleTypeNode).elements as unknown as [ts.NamedTupleMember];
      const fields = (event.type as ts.TypeLiteralNode).members.map((field) => field.getText().replace(/;$/, ''));
      return [name.getText(), fields];
    }),
  );
}
