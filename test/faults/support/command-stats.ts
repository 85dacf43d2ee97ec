import type { RedisServer } from '../../../src/testing/index.js';

export interface CommandStats {
  calls: number;
  /** Refused before they were run: no permission, out of memory, read-only. */
  rejected: number;
  /** Run, and ended with an error. */
  failed: number;
}

/** How often Redis was asked to do something since it started. See https://redis.io/docs/latest/commands/info/ */
export async function commandStats(redis: RedisServer, command: string): Promise<CommandStats> {
  const info = String(await redis.command('INFO', 'commandstats'));
  const line = info.split('\r\n').find((one) => one.startsWith(`cmdstat_${command}:`)) ?? '';
  const field = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1] ?? 0);
  return { calls: field('calls'), rejected: field('rejected_calls'), failed: field('failed_calls') };
}
