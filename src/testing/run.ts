import { execFile } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds after which the program is killed. Default 120_000. */
  timeout?: number;
}

/** Runs a program to its end and resolves with what it printed; rejects with a sentence that ends in its last words. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeout = 120_000, ...rest } = options;
  return new Promise((resolve, reject) => {
    execFile(program, args, { ...rest, timeout, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (!error) {
        resolve(stdout);
        return;
      }
      const words = stderr.trim().split('\n').slice(-3).join(' ') || error.message;
      reject(new Error(`${[program, ...args.slice(0, 2)].join(' ')} failed: ${words}`, { cause: error }));
    });
  });
}
