import { createRequire } from 'node:module';

/** Whether the Terminus of the application knows the status `degraded`, as it does from version 12 on. */
export const KNOWS_DEGRADED = Number.parseInt(version(), 10) >= 12;

/**
 * The version of `@nestjs/terminus`.
 *
 * @throws where it is not installed: a person has to know what to do then.
 */
function version(): string {
  try {
    return (createRequire(import.meta.url)('@nestjs/terminus/package.json') as { version: string }).version;
  } catch (error) {
    throw new Error(
      "'nestjs-redis-streams-adapter/health' needs the package '@nestjs/terminus', version 11 or 12. Make sure to install it: " +
        'npm install @nestjs/terminus',
      { cause: error },
    );
  }
}
