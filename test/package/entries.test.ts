import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PackedPackage } from './packed-package.js';
import { publicNames } from './public-names.js';

let packed: PackedPackage;

beforeAll(async () => {
  packed = await PackedPackage.pack();
});

afterAll(() => packed.remove());

const optional = (name: string): boolean => packed.manifest.peerDependenciesMeta[name]?.optional === true;

/** What npm installs with the package by itself. */
function required(): string[] {
  const peers = Object.keys(packed.manifest.peerDependencies).filter((name) => !optional(name));
  return [...Object.keys(packed.manifest.dependencies), ...peers];
}

function everything(): string[] {
  return [...Object.keys(packed.manifest.dependencies), ...Object.keys(packed.manifest.peerDependencies)];
}

const specifier = (entry: string): string => packed.manifest.name + entry.slice(1);

const imported = (entry: string): string => `
  import * as names from ${JSON.stringify(specifier(entry))};
  console.log(JSON.stringify(Object.keys(names).sort()));
`;

const demanded = (entry: string): string => `
  const names = require(${JSON.stringify(specifier(entry))});
  console.log(JSON.stringify(Object.keys(names).sort()));
`;

describe('The packed package', () => {
  it('holds what the entries need, and neither tests nor sources beside', () => {
    const targets = Object.values(packed.manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    );
    const stray = packed.files.filter(
      (file) => !/^(dist\/.*\.(js|d\.ts|js\.map)|(README|CHANGELOG)\.md|LICENSE|package\.json)$/.test(file),
    );

    const needed = ['LICENSE', 'README.md', ...targets.map((target) => target.slice('./'.length))];

    expect(needed.filter((file) => !packed.files.includes(file))).toEqual([]);
    expect(stray).toEqual([]);
    expect(packed.files.filter((file) => file.includes('.spec.'))).toEqual([]);
  });

  it('has an entry for each that is tested here, and no other', () => {
    const entries = Object.keys(packed.manifest.exports).filter((entry) => entry !== './package.json');

    expect(entries.sort()).toEqual(Object.keys(publicNames).sort());
  });
});

describe.each(Object.entries(publicNames))('Entry %s', (entry, names) => {
  it('gives its names to import', async () => {
    const application = await packed.install('module', everything());

    expect(await application.run(imported(entry))).toEqual(names);
  });

  it('gives its names to require()', async () => {
    const application = await packed.install('commonjs', everything());

    expect(await application.run(demanded(entry))).toEqual(names);
  });
});

describe('What an entry loads', () => {
  it('is in dependencies or required peers, for the main entry', async () => {
    const application = await packed.install('module', required());

    expect(await application.run(imported('.'))).toEqual(publicNames['.']);
  });

  it('is neither Nest nor OpenTelemetry nor a Redis client, for ./adapter', async () => {
    const application = await packed.install('module', Object.keys(packed.manifest.dependencies));

    expect(await application.run(imported('./adapter'))).toEqual(publicNames['./adapter']);
  });

  it('is the API of OpenTelemetry alone, for ./telemetry', async () => {
    const application = await packed.install('module', ['@opentelemetry/api']);

    expect(await application.run(imported('./telemetry'))).toEqual(publicNames['./telemetry']);
  });

  it('is node-redis alone, for ./testing', async () => {
    const application = await packed.install('module', ['redis']);

    expect(await application.run(imported('./testing'))).toEqual(publicNames['./testing']);
  });

  it('is Terminus for ./health, which says so where it is missing', async () => {
    const application = await packed.install('module', required());

    await expect(application.run(imported('./health'))).rejects.toThrow(
      "'nestjs-redis-streams-adapter/health' needs the package '@nestjs/terminus', version 11 or 12. Make sure to install it: npm install @nestjs/terminus",
    );
  });
});
