import { join } from 'node:path';
import { debianPackage, unpackedEnvironment } from '../../src/testing/debian-packages.js';
import { run } from '../../src/testing/run.js';

export interface BalancerProgram {
  path: string;
  env: NodeJS.ProcessEnv;
}

/** Finds a load balancer on PATH or in the packages of Debian or Ubuntu; an Error, with the reason, where there is none. */
export function findBalancer(name: string): Promise<BalancerProgram | Error> {
  return checked({ path: name, env: process.env })
    .catch(() =>
      debianPackage(name, async (root) =>
        checked({ path: join(root, 'usr/sbin', name), env: await unpackedEnvironment(root) }),
      ),
    )
    .catch((error: Error) => error);
}

async function checked(program: BalancerProgram): Promise<BalancerProgram> {
  await run(program.path, ['-v'], { env: program.env });
  return program;
}
