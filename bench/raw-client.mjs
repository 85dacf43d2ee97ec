// A client of Redis with nothing around it, in a process of its own, driven over IPC.
import { setImmediate as turn } from 'node:timers/promises';
import { createClient } from 'redis';
import { answer } from './answer.mjs';

const STREAM = 'stream';
const { url } = JSON.parse(process.argv[2]);
// without one for each command, which costs more than the command
const client = createClient({ url, commandOptions: { timeout: 0 } });
await client.connect();

answer({
  /** Adds entries as a node emits: in turns of `burst`, and in portions, each once the one before is in the stream. */
  async add({ count, size, maxLen, burst = 20, portion = 500 }) {
    const command = ['XADD', STREAM, 'MAXLEN', '~', String(maxLen), '*', 'data', 'x'.repeat(size)];
    for (let sent = 0; sent < count; sent += portion) {
      const added = [];
      for (let i = 0; i < portion; i++) {
        added.push(client.sendCommand(command));
        if (i % burst === burst - 1) await turn();
      }
      await Promise.all(added);
    }
  },
  /** Reads so many entries, from the first to the last, and then from the first again. */
  async read({ count, most }) {
    let from = '0';
    for (let read = 0; read < count;) {
      // sendCommand rather than xRead, which makes an object of each entry
      const reply = await client.sendCommand(['XREAD', 'COUNT', String(most), 'STREAMS', STREAM, from]);
      const entries = reply?.[STREAM] ?? [];
      read += entries.length;
      from = entries.at(-1)?.[0] ?? '0';
    }
  },
  usage() {
    const { user, system } = process.cpuUsage();
    return { cpu: user + system };
  },
});
process.send({ ready: true });
