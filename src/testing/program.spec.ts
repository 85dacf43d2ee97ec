import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { debianProgram } from './debian-packages.js';
import { findRedis } from './find-redis.js';
import { findProgram } from './program.js';
import { RedisServer } from './redis-server.js';

let folder: string;

/** A program of that name, and only what was put there, is on PATH. */
async function onPath(name: string, script: string): Promise<string> {
  const path = join(folder, 'bin', name);
  await writeFile(path, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'program-spec-'));
  await mkdir(join(folder, 'bin'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('findRedis', () => {
  it('takes the server that REDIS_URL names, and does not stop it', async () => {
    const server = await RedisServer.start();
    vi.stubEnv('REDIS_URL', server.url);

    const found = await findRedis();
    await found.stop();

    expect(found).toMatchObject({ url: server.url, source: expect.stringContaining('REDIS_URL') as string });
    expect(await server.command('PING')).toBe('PONG');
    await server.stop();
  });

  it('starts a server where REDIS_URL names none, and stops it', async () => {
    vi.stubEnv('REDIS_URL', undefined);

    const found = await findRedis();
    vi.stubEnv('REDIS_URL', found.url);
    await found.stop();

    expect(found.source).not.toContain('REDIS_URL');
  });
});

describe('findProgram', () => {
  beforeEach(() => {
    vi.resetModules();
    vi.stubEnv('REDIS_SERVER', undefined);
    vi.stubEnv('REDIS_IMAGE', undefined);
    vi.stubEnv('PATH', join(folder, 'bin'));
  });

  const search = async (): ReturnType<typeof findProgram> => (await import('./program.js')).findProgram();

  it('prefers redis-server on PATH', async () => {
    await onPath('redis-server', 'echo "Redis server v=7.2.1 sha=0"');
    await onPath('valkey-server', 'echo "Valkey server v=8.0.1 sha=0"');

    expect((await search()).source).toBe('redis-server 7.2.1, found on PATH');
  });

  it('takes valkey-server on PATH where redis-server does not run', async () => {
    await onPath('redis-server', 'exit 127');
    await onPath('valkey-server', 'echo "Valkey server v=8.0.1 sha=0"');

    expect((await search()).source).toBe('valkey-server 8.0.1, found on PATH');
  });

  it('takes the binary that REDIS_SERVER names before all others', async () => {
    await onPath('redis-server', 'echo "Redis server v=7.2.1 sha=0"');
    const path = await onPath('another', 'echo "Redis server v=8.0.0 sha=0"');
    vi.stubEnv('REDIS_SERVER', path);

    expect((await search()).source).toBe(`${path} 8.0.0, as REDIS_SERVER says`);
  });

  it('takes the image that REDIS_IMAGE names before what is on PATH', async () => {
    await onPath('redis-server', 'echo "Redis server v=7.2.1 sha=0"');
    await onPath('docker', 'echo 28.0.1');
    vi.stubEnv('REDIS_IMAGE', 'valkey/valkey:8');

    expect((await search()).source).toBe('container image valkey/valkey:8, run by Docker 28.0.1');
  });

  it('takes Docker where there is nothing else', async () => {
    await onPath('docker', 'echo 28.0.1');

    expect((await search()).source).toBe('container image redis:7, run by Docker 28.0.1');
  });

  it('names the three ways to get a server where there is none', async () => {
    const failure = search();

    await expect(failure).rejects.toThrow(/1\. install Redis 7 or Valkey.*2\. start Docker.*3\. .*set REDIS_URL/s);
    await expect(failure).rejects.toThrow(/Neither redis-server nor valkey-server is on PATH.*apt-get.*Docker/s);
  });
});

describe('The packages of Debian and Ubuntu', () => {
  beforeEach(() => {
    vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
    vi.stubEnv('PATH', join(folder, 'bin'));
  });

  const caches = (): Promise<string[]> => readdir(join(folder, 'cache', 'nestjs-redis-streams-adapter'));

  /** An apt-get that knows the package if `condition` holds, and writes down every call. */
  async function fakeTools(condition = 'true'): Promise<void> {
    await onPath(
      'apt-get',
      `echo "$*" >> ${folder}/calls
      case "$1" in
        install) ${condition} && echo "Inst redis-server (5:7.0.15-1 Debian:12 [amd64])" ;;
        download) ${condition} && echo package > redis-server.deb ;;
      esac`,
    );
    await onPath(
      'dpkg',
      `[ "$1" = -x ] || exit 0
      mkdir -p "$3/usr/bin"
      printf '#!/bin/sh\\necho v=7.0.15' > "$3/usr/bin/redis-server"
      chmod +x "$3/usr/bin/redis-server"`,
    );
  }

  it('are unpacked into the cache once', async () => {
    await fakeTools();

    const first = await debianProgram();
    await onPath('dpkg', '[ "$1" = --version ]');
    const second = await debianProgram();

    expect(first.source).toMatch(/usr\/bin\/redis-server 7\.0\.15, unpacked/);
    expect(second.source).toBe(first.source);
    expect(await caches()).toHaveLength(1);
  });

  it('are unpacked by several processes at once without harm', async () => {
    await fakeTools();

    const programs = await Promise.all([debianProgram(), debianProgram(), debianProgram()]);

    expect(new Set(programs.map(({ source }) => source)).size).toBe(1);
    expect(await caches()).toHaveLength(1);
  });

  it('are looked up in fresh lists where those of the machine do not know them', async () => {
    await fakeTools('case "$*" in *Dir::State::lists=*) true ;; *) false ;; esac');

    expect((await debianProgram()).source).toContain('7.0.15');
  });

  it('are unpacked again where the cached ones do not run', async () => {
    await fakeTools();
    const { source } = await debianProgram();
    await writeFile(source.split(' ')[0] ?? '', 'broken');

    expect((await debianProgram()).source).toBe(source);
  });

  it('leave nothing in the cache when they cannot be had', async () => {
    await fakeTools('false');

    await expect(debianProgram()).rejects.toThrow('apt-get');
    expect(await caches()).toEqual([]);
  });
});
