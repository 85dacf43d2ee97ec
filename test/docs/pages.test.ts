import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../src/adapter/resolve-options.js';
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
});
