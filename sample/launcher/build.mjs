import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Problem } from './problem.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONFIGURATION = ['nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', 'sample/chat/tsconfig.json'];

/** Builds the package and then the sample, each only if its sources are newer than what was built. */
export async function build(signal) {
  await buildUnlessFresh('the package', 'build', ['src', ...CONFIGURATION], 'dist/index.js', signal);
  await buildUnlessFresh(
    'the sample',
    'build:sample',
    ['sample/chat/src', 'dist/index.js', ...CONFIGURATION],
    'sample/chat/dist/main.js',
    signal,
  );
}

async function buildUnlessFresh(what, script, sources, result, signal) {
  const times = await Promise.all(sources.map((path) => newest(ROOT + path)));
  if (Math.max(...times) <= (await newest(ROOT + result))) {
    return;
  }
  console.log(`Building ${what} …`);
  const npm = spawn('npm', ['run', '--silent', script], { cwd: ROOT, stdio: 'inherit', signal });
  const [code] = await once(npm, 'exit');
  if (code !== 0) {
    throw new Problem(`Building ${what} failed. Mend what is said above, and try again: npm run ${script}`);
  }
}

/** When the file, or the newest one in the folder, was last written: milliseconds since 1970, 0 where there is none. */
async function newest(path) {
  const status = await stat(path).catch(() => undefined);
  if (!status?.isDirectory()) {
    return status?.mtimeMs ?? 0;
  }
  const files = (await readdir(path, { recursive: true })).filter((file) => !file.endsWith('.spec.ts'));
  const times = await Promise.all(files.map(async (file) => (await stat(`${path}/${file}`)).mtimeMs));
  return Math.max(0, ...times);
}
