import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { localProgram } from './local-process.js';
import type { RedisProgram } from './program.js';
import { run } from './run.js';

/** The `redis-server` of Debian's or Ubuntu's own packages, see {@link debianPackage}. */
export function debianProgram(): Promise<RedisProgram> {
  return debianPackage('redis-server', unpackedProgram);
}

/**
 * Unpacks a package of Debian or Ubuntu and what it needs into a cache folder, and resolves with what `open` makes of that
 * folder: nothing is installed, and no root is needed. The first time takes a few seconds and the network.
 */
export async function debianPackage<T>(name: string, open: (root: string) => Promise<T>): Promise<T> {
  for (const tool of ['apt-get', 'dpkg']) {
    await run(tool, ['--version']).catch(() => {
      throw new Error(`${tool} does not run, so there is no ${name} package of Debian or Ubuntu to unpack.`);
    });
  }
  const cache = join(
    process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
    'nestjs-redis-streams-adapter',
    `${name}-${await release()}-${process.arch}`,
  );
  const cached = await open(cache).catch(() => undefined);
  if (cached) {
    return cached;
  }
  await unpackInto(cache, name, open);
  return open(cache);
}

/** Name of the release, because a package of another one may need other libraries. */
async function release(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8');
  return /^VERSION_CODENAME=(\w+)/m.exec(text)?.[1] ?? 'unknown';
}

async function unpackedProgram(root: string): Promise<RedisProgram> {
  const path = join(root, 'usr/bin/redis-server');
  return localProgram(path, 'unpacked from the packages of this system', await unpackedEnvironment(root));
}

/** Environment in which programs of an unpacked package find the libraries that were unpacked with them. */
export async function unpackedEnvironment(root: string): Promise<NodeJS.ProcessEnv> {
  const path = [...(await libraryFolders(join(root, 'usr/lib'))), process.env.LD_LIBRARY_PATH];
  return { ...process.env, LD_LIBRARY_PATH: path.filter(Boolean).join(delimiter) };
}

/** Every folder with a shared library in it, often named after the machine's kind. None where all libraries are installed. */
async function libraryFolders(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const libraries = files.filter((file) => /\.so(\.|$)/.test(file)).map((file) => dirname(join(folder, file)));
  return [...new Set(libraries)];
}

async function unpackInto(cache: string, name: string, open: (root: string) => Promise<unknown>): Promise<void> {
  await mkdir(dirname(cache), { recursive: true });
  // Unpacked beside its place and renamed into it: two processes may be at it at once.
  const work = await mkdtemp(`${cache}.`);
  try {
    const root = join(work, 'root');
    await mkdir(root);
    for (const file of await download(work, name)) {
      await run('dpkg', ['-x', join(work, file), root]);
    }
    await open(root);
    await rename(root, cache).catch(async () => {
      // Another process was quicker, or what is there is broken.
      const other = await open(cache).catch(() => undefined);
      if (!other) {
        await rename(cache, join(work, 'broken'));
        await rename(root, cache);
      }
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Downloads the package and what it needs beyond what is installed; resolves with the names of the files. */
async function download(folder: string, name: string): Promise<string[]> {
  await downloadWith(folder, name, []).catch(async () => {
    // The machine's package lists are empty or old. Lists of our own need no root, and leave the machine as it was.
    const lists = join(folder, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    await mkdir(join(folder, 'cache'));
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${join(folder, 'cache')}`];
    await run('apt-get', ['update', ...own], { cwd: folder });
    await downloadWith(folder, name, own);
  });
  const files = await readdir(folder);
  return files.filter((file) => file.endsWith('.deb'));
}

async function downloadWith(folder: string, name: string, options: readonly string[]): Promise<void> {
  const plan = await run('apt-get', ['install', '--simulate', '--no-install-recommends', ...options, name], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  const packages = [...plan.matchAll(/^Inst (\S+)(?: \[\S+\])? \((\S+)/gm)].map(
    ([, dependency, version]) => `${dependency}=${version}`,
  );
  await run('apt-get', ['download', ...options, ...packages], { cwd: folder });
}
