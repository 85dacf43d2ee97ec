// Lets `npm test` and `npm start` be the first command in a fresh clone: installs what package-lock.json names, unless that is done.
import { execSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const time = (path) => statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0;

// npm writes this file at the end of every install.
if (time('node_modules/.package-lock.json') < time('package-lock.json')) {
  console.log('Installing what package-lock.json names …');
  // also where NODE_ENV is production
  execSync('npm install --include=dev --no-audit --no-fund --loglevel=error', {
    cwd: fileURLToPath(root),
    stdio: 'inherit',
  });
}
