import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The program of a node, see {@link setup}. */
    nodeProgram: string;
  }
}

/**
 * Puts the built package, and what it needs, into the program of a node. The tests start hundreds of nodes, and most of the time that
 * each took went into finding and reading a thousand modules.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
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
  project.provide('nodeProgram', outfile);
  return () => rm(folder, { recursive: true });
}
