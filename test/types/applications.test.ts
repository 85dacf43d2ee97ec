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

const SOURCES = ['emitter.ts', 'module.ts'];

describe.each(RELEASES)('With %s', (_release, folder) => {
  // What is wrong in them is marked as an error that is expected: an application that compiles is told of each.
  it('the types hold what the applications of this folder expect of them', async () => {
    const { dependencies, peerDependencies } = packed.manifest;
    const packages = [
      ...Object.keys(dependencies),
      ...Object.keys(peerDependencies),
      'redis5',
      'socket.io',
      '@types/node',
    ];
    const application = await packed.install('module', packages, await folder());
    const read = async (name: string): Promise<[string, string]> => [
      name,
      await readFile(fileURLToPath(new URL(name, import.meta.url)), 'utf8'),
    ];

    expect(
      await application.compile(Object.fromEntries(await Promise.all(SOURCES.map(read))), {
        module: 'nodenext',
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      }),
    ).toEqual([]);
  }, 300_000);
});
