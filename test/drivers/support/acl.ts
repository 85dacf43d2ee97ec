import { readFile } from 'node:fs/promises';
import type { RedisServer } from '../../../src/testing/index.js';

const PAGE = new URL('../../../docs/operations.md', import.meta.url);

/** The rules that the documentation gives, as a list, for what a user needs at least. */
export async function documentedRules(): Promise<{ base: string[]; with: (situation: string) => string[] }> {
  // the same words stand before other figures elsewhere on the page
  const page = (await readFile(PAGE, 'utf8')).split(/^## /m).find((part) => part.startsWith('Access control')) ?? '';
  const [, base] = /^ACL SETUSER socketio on >password resetchannels (.*)$/m.exec(page) ?? [];
  if (base === undefined) throw new Error(`${PAGE.pathname} does not say how to make a user.`);
  return {
    base: base.split(' ').filter((rule) => rule !== '-@all'),
    with: (situation) => {
      const row = page.split('\n').find((line) => line.startsWith(`| ${situation} `));
      const [, rules] = /`([^`]+)`/.exec(row?.split(/(?<!\\)\|/)[2] ?? '') ?? [];
      if (rules === undefined) throw new Error(`${PAGE.pathname} does not say what a user needs with ${situation}.`);
      return rules.replaceAll('\\|', '|').split(' ');
    },
  };
}

export const PASSWORD = 's3cr3t';

/** Makes a user on every server, that may do what the rules say and nothing else. */
export async function makeUser(servers: readonly RedisServer[], user: string, rules: readonly string[]): Promise<void> {
  const command = ['ACL', 'SETUSER', user, 'reset', 'on', `>${PASSWORD}`, 'resetchannels', '-@all', ...rules];
  await Promise.all(servers.map((server) => server.command(...command)));
}

/** What the user was denied, as commands, keys and channels. */
export async function denials(servers: readonly RedisServer[], user: string): Promise<string[]> {
  const logs = await Promise.all(servers.map((server) => server.command('ACL', 'LOG', '1000')));
  return logs
    .flatMap((log) => (log as unknown[]).map(asRecord))
    .filter(({ username }) => username === user)
    .map(({ reason, object }) => `${String(reason)} ${String(object)}`);
}

function asRecord(entry: unknown): Record<string, unknown> {
  if (!Array.isArray(entry)) return entry as Record<string, unknown>;
  const pairs: Array<[string, unknown]> = [];
  for (let i = 0; i + 1 < entry.length; i += 2) pairs.push([String(entry[i]), entry[i + 1]]);
  return Object.fromEntries(pairs);
}
