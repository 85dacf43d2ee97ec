import { createRequire } from 'node:module';

type Terminus = typeof import('@nestjs/terminus');

/** Of `@nestjs/terminus`, which is there only where the application has installed it. */
export const HealthIndicatorService: Terminus['HealthIndicatorService'] = load().HealthIndicatorService;

/** An import that fails says where it was, which is in this package; a person has to know what to install. */
function load(): Terminus {
  const require = createRequire(import.meta.url);
  try {
    return require('@nestjs/terminus') as Terminus;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error(
      "'nestjs-redis-streams-adapter/health' needs the package '@nestjs/terminus', version 11 or 12. Make sure to install it: " +
        'npm install @nestjs/terminus',
      { cause: error },
    );
  }
}
