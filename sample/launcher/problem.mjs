/** What keeps the sample from running, in a sentence that says what to do: shown without a stack. */
export class Problem extends Error {}
