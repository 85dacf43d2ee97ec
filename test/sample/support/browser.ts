import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser on PATH, or nothing. */
export async function findBrowser(): Promise<string | undefined> {
  for (const name of NAMES) {
    const runs = await promisify(execFile)(name, ['--version']).catch(() => undefined);
    if (runs) {
      return name;
    }
  }
  return undefined;
}

/** Starts the browser with a profile that is new and thrown away. */
export async function startBrowser(name: string): Promise<Browser> {
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'command -v "$1"', 'sh', name]);
  return chromium.launch({ executablePath: stdout.trim(), args: ARGUMENTS });
}
