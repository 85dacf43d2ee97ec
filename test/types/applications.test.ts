import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PREVIOUS } from '../nest/fixtures/releases.js';
import { installOnce } from '../package/install-once.js';
import { PackedPackage } from '../package/packed-package.js';

let packed: PackedPackage;

beforeAll(async () => {
  packed = await PackedPackage.pack();
});

afterAll(() => packed.remove());

/** The folder with the release; none for the one that this repository develops on. */
const RELEASES: Array<[name: string, folder: () => Promise<string | undefined>]> = [
  ['Nest 12', () => Promise.resolve(undefined)],
  ['Nest 11', () => installOnce('nest-11-last', { ...PREVIOUS, ...packed.manifest.dependencies })],
];

describe.each(RELEASES)('With %s', (_release, folder) => {
  // What is wrong in them is marked as an error that is expected: an application that compiles is told of each.
  it.each(['emitter', 'module'])(
    'the types hold what %s.ts expects of them',
    async (name) => {
      const { dependencies, peerDependencies } = packed.manifest;
      const packages = [
        ...Object.keys(dependencies),
        ...Object.keys(peerDependencies),
        'redis5',
        'socket.io',
        '@types/node',
      ];
      const application = await packed.install('module', packages, await folder());
      const source = await readFile(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), 'utf8');

      expect(
        await application.compile(source, {
          module: 'nodenext',
          experimentalDecorators: true,
          emitDecoratorMetadata: true,
        }),
      ).toEqual([]);
    },
    300_000,
  );
});
