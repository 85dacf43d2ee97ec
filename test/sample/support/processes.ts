import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

interface Process {
  pid: number;
  parent: number;
  zombie: boolean;
}

/** Every process below `pid`: its children, their children, and so on. */
export async function descendants(pid: number): Promise<number[]> {
  const all = await list();
  const below = (parent: number): number[] =>
    all.filter((process) => process.parent === parent).flatMap((child) => [child.pid, ...below(child.pid)]);
  return below(pid);
}

/** Which of the processes still run. One that ended, and whose end nobody has asked about, does not. */
export async function stillRunning(pids: readonly number[]): Promise<number[]> {
  const running = new Set((await list()).filter((process) => !process.zombie).map((process) => process.pid));
  return pids.filter((pid) => running.has(pid));
}

async function list(): Promise<Process[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state]) => ({
      pid: Number(pid),
      parent: Number(parent),
      zombie: state?.startsWith('Z') ?? false,
    }));
}
