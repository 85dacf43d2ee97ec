import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Sees to it that a command runs when this process ends, however it ends: SIGKILL leaves no time for an exit handler. A
 * shell waits on a pipe of which this process holds the other end; the operating system closes it with the process.
 */
export class Watchdog {
  private readonly shell: ChildProcess;

  /** Waits for the end of this process, then runs the shell script with the given arguments (`$1`, `$2` and so on). */
  constructor(script: string, ...args: string[]) {
    // A session of its own, so that Ctrl-C in a terminal ends the process first and reaches the script through the pipe only.
    this.shell = spawn('/bin/sh', ['-c', `read -r line; ${script}`, 'sh', ...args], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.shell.on('error', () => undefined);
    this.shell.unref();
    const pipe = this.shell.stdin as unknown as { unref?: () => void } | null;
    pipe?.unref?.();
    this.shell.stdin?.on('error', () => undefined);
  }

  /** The danger is over: the script is not run. */
  dismiss(): void {
    this.shell.kill('SIGKILL');
  }
}
