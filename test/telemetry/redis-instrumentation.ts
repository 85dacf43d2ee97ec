import { trace } from '@opentelemetry/api';
import { createClient } from 'redis';

interface Sends {
  sendCommand(args: readonly unknown[], ...rest: unknown[]): Promise<unknown>;
}

/**
 * Makes a span of each command of node-redis, as the public instrumentation does; that one does not know this version. The
 * whole command is in it, as an application may tell that one to do.
 */
export function instrumentRedis(): void {
  let prototype = Object.getPrototypeOf(createClient()) as Sends;
  while (!Object.hasOwn(prototype, 'sendCommand')) {
    prototype = Object.getPrototypeOf(prototype) as Sends;
  }
  const original = prototype.sendCommand;
  prototype.sendCommand = function (args, ...rest) {
    const attributes = { 'db.query.text': args.map(String).join(' ') };
    const span = trace.getTracer('redis').startSpan(`redis-${String(args[0])}`, { attributes });
    return original.call(this, args, ...rest).finally(() => span.end());
  };
}
