import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installOnce } from '../package/install-once.js';
import { PackedPackage } from '../package/packed-package.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const fixtures = fileURLToPath(new URL('./fixtures', import.meta.url));
const execute = promisify(execFile);

let packed: PackedPackage;
let folder: string;

beforeAll(async () => {
  packed = await PackedPackage.pack();
  const { dependencies, peerDependencies } = packed.manifest;
  const packages = [...Object.keys(dependencies), ...Object.keys(peerDependencies), 'rxjs', 'reflect-metadata'];
  ({ folder } = await packed.install('module', packages));
  await cp(fixtures, folder, { recursive: true });
});

afterAll(() => packed.remove());

/** Runs a program in the folder of the application; resolves with what it wrote once it has ended by itself. */
async function run(...args: string[]): Promise<string> {
  // What this test runner tells its own processes is not for theirs.
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|JEST|FORCE_COLOR)/.test(name));
  const options = { cwd: folder, timeout: 200_000, env: { ...Object.fromEntries(own), CI: 'true', NO_COLOR: '1' } };
  const { stdout, stderr } = await execute(process.execPath, args, options);
  return stdout + stderr;
}

describe('A test with a TestCluster runs, and ends by itself,', () => {
  it('with vitest', async () => {
    const output = await run(
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--globals',
      '--testTimeout=60000',
      '--hookTimeout=60000',
      '--root',
      folder,
    );

    expect(output).toMatch(/Tests {2}1 passed/);
  }, 300_000);

  it('with Jest', async () => {
    const jest = join(await installOnce('jest', { jest: '30.5.2' }), 'node_modules/jest/bin/jest.js');
    const settings = [
      '--rootDir',
      folder,
      '--testMatch',
      '**/*.spec.mjs',
      '--transform',
      '{}',
      '--testTimeout',
      '60000',
    ];
    const output = await run('--experimental-vm-modules', jest, ...settings, '--detectOpenHandles');

    expect(output).toMatch(/Tests: +1 passed/);
    expect(output).not.toMatch(/did not exit|open handle/);
    // It may have to be installed first.
  }, 300_000);

  it('without a test runner', async () => {
    expect(await run('chat.script.mjs')).toBe('[["hello"]]\n');
  }, 300_000);
});
