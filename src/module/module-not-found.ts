import { toError } from '../adapter/errors.js';

/**
 * What to say when the application has no instance of the module called `name`, as far as `seeker` could find; `error` is what Nest said.
 */
export function moduleNotFound(seeker: string, name: string | undefined, error: unknown): Error {
  const called = name === undefined ? '' : ` called '${name}'`;
  // as Nest calls it, which does not export the class
  if (toError(error).constructor.name === 'InvalidClassScopeException') {
    return new Error(
      `${seeker} cannot use the RedisStreamsModule${called}: its options depend on a provider that is made anew for each request. Make sure that ` +
        'nothing that RedisStreamsModule.forRootAsync() injects is of the scope REQUEST or TRANSIENT.',
      { cause: error },
    );
  }
  const options = name === undefined ? '' : `{ name: '${name}' }`;
  return new Error(
    `${seeker} found no RedisStreamsModule${called} in the application. Make sure that a module of it imports RedisStreamsModule.forRoot(${options})` +
      `${name === undefined ? ' or RedisStreamsModule.forRootAsync()' : ''}.`,
    { cause: error },
  );
}
