/** Answers what the parent asks with {@link Child.ask}, until it is gone. */
export function answer(commands) {
  process.on('message', async ({ id, command, argument }) => {
    process.send({ id, result: (await commands[command](argument ?? {})) ?? null });
  });
  process.on('disconnect', () => process.exit());
}
