import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The environment variable that holds the path of the program of a node. */
const VARIABLE = 'TEST_NODE_PROGRAM';

/**
 * Puts the built package, and what it needs, into the program of a node: before the tests, and in whatever else starts nodes. Hundreds
 * of nodes are started, and most of the time that each took went into finding and reading a thousand modules.
 *
 * @returns what removes the program.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'test-node-'));
  const outfile = join(folder, 'node-process.cjs');
  try {
    await build({
      entryPoints: [fileURLToPath(new URL('node-process.mjs', import.meta.url))],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      keepNames: true,
      logLevel: 'silent',
    });
  } catch (error) {
    throw new Error(
      'The program of a node could not be put together. If the package is not built yet, run "npm run build" first.',
      { cause: error },
    );
  }
  // The processes that run the tests are started later, and inherit it.
  process.env[VARIABLE] = outfile;
  return () => rm(folder, { recursive: true });
}

/** The path of the program of a node. */
export function nodeProgram(): string {
  const path = process.env[VARIABLE];
  if (path === undefined) {
    throw new Error(`There is no program of a node: call setup() of ${import.meta.url} first.`);
  }
  return path;
}
