// One Socket.IO server in a process of its own, driven by ServerNode (server-node.ts) over the IPC channel.
import { ServerContext } from './server-context.mjs';

const context = new ServerContext();

const operations = {
  start: (options) => context.start(options),
  run: ({ source, args }) => context.evaluate(source)(context.io, context, ...args),
  recorded: (name) => context.recorded(name),
  close: () => context.close(),
};

process.on('message', async ({ id, operation, argument }) => {
  try {
    reply({ id, value: await operations[operation](argument) });
  } catch (error) {
    reply({ id, error: describe(error) });
  }
});

// The tests are gone, so nobody would end this process.
process.on('disconnect', () => process.exit());

function reply(message) {
  try {
    process.send?.(message);
  } catch (error) {
    const unsendable = new Error(
      `What the function returned cannot be sent: return a value that can be cloned, or nothing. ${error.message}`,
    );
    process.send?.({ id: message.id, error: describe(unsendable) });
  }
}

/** The structured clone of an error has none of its own fields, which are what a test asks for. */
function describe(error) {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: `Something that is no error was thrown: ${String(error)}`, fields: {} };
  }
  const hint =
    error instanceof ReferenceError ? ' (run() sends the source of the function alone: pass values as arguments)' : '';
  return {
    name: error.name,
    message: error.message + hint,
    stack: error.stack,
    fields: Object.fromEntries(Object.entries(error)),
  };
}
