// Installs, builds and starts the sample, and ends with everything that it started. See README.md beside this file.
import { createServer } from 'node:http';
import { build } from './launcher/build.mjs';
import { checkPorts, HOST, portProblem } from './launcher/ports.mjs';
import { Problem } from './launcher/problem.mjs';
import { readSettings } from './launcher/settings.mjs';

const stopping = new AbortController();
/** What was started, in the order in which it is ended. */
const cleanups = [];

async function main() {
  const settings = readSettings(process.env);
  await checkPorts(settings);
  await install();
  await build(stopping.signal);
  stopping.signal.throwIfAborted();

  // The modules that need what was installed and built are loaded now.
  const { bringRedis } = await import('./launcher/redis.mjs');
  const redis = await bringRedis();
  cleanups.unshift(() => redis.stop());
  stopping.signal.throwIfAborted();
  console.log(`Redis: ${redis.description}`);
  const url = await startCluster(settings, redis.url);
  console.log(`\n  Chat     ${url}`);
  console.log(`  Traces   ${url}/traces`);
  for (let number = 1; number <= settings.nodes; number += 1) {
    console.log(`  node-${number}   http://${HOST}:${settings.port + number}/metrics`);
  }
  console.log('\nCtrl-C stops everything.\n');
}

async function install() {
  try {
    await import('../scripts/ensure-installed.mjs');
  } catch (error) {
    throw new Problem('Installing the dependencies failed. Mend what npm says above, and try again.', { cause: error });
  }
}

async function startCluster(settings, redisUrl) {
  const [{ default: sticky }, { Nodes }] = await Promise.all([
    import('@socket.io/sticky'),
    import('./launcher/nodes.mjs'),
  ]);
  const nodes = new Nodes(settings, redisUrl, (problem) => void stop(problem));
  cleanups.unshift(() => nodes.stop());
  await nodes.start();
  stopping.signal.throwIfAborted();

  const balancer = createServer();
  sticky.setupPrimary(balancer, { loadBalancingMethod: 'least-connection' });
  await new Promise((resolve, reject) => {
    balancer.once('error', (error) => reject(portProblem(error.code, settings.port)));
    balancer.listen(settings.port, HOST, resolve);
  });
  cleanups.unshift(() => balancer.close());
  return `http://localhost:${settings.port}`;
}

let stopped;
/** Ends everything that was started, once, and then this process. */
function stop(problem) {
  stopped ??= (async () => {
    if (problem) {
      console.error(problem instanceof Problem ? problem.message : problem);
    } else {
      console.log('\nStopping …');
    }
    stopping.abort();
    for (const cleanup of cleanups) {
      await cleanup();
    }
    process.exit(problem ? 1 : 0);
  })();
  return stopped;
}

process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
if (process.env.npm_lifecycle_event === 'start') {
  // npm passes signals on, but one that was killed outright leaves this process behind.
  const npm = process.ppid;
  setInterval(() => process.ppid !== npm && void stop(), 1_000).unref();
}

main().catch((error) => {
  if (!stopping.signal.aborted) {
    void stop(error);
  }
});
