import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const execute = promisify(execFile);

/** A folder with exactly these packages in its node_modules. They are installed once and kept under node_modules/.cache. */
export async function installOnce(name: string, packages: Record<string, string>): Promise<string> {
  const folder = join(cache, name);
  const manifest = JSON.stringify({ private: true, dependencies: packages });
  const stamp = join(folder, 'installed.json');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === manifest) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), manifest);
  await execute('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  await writeFile(stamp, manifest);
  return folder;
}
