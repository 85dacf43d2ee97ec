import type { ResolvedOptions } from './options.js';

/** The options with the scope in every name. Servers of different scopes meet on no stream, no channel and no key. */
export function withScope(options: ResolvedOptions, scope: string): ResolvedOptions {
  if (scope === '') return options;
  return {
    ...options,
    scope,
    streamName: `${options.streamName}:${scope}`,
    channelPrefix: `${options.channelPrefix}:${scope}`,
    sessionKeyPrefix: `${options.sessionKeyPrefix}${scope}:`,
  };
}
