import type { WireOptions } from './message.js';
import { parseOptions } from './validate.js';

/** Options remembered; the same few rooms are sent to again and again. */
const SIZE = 512;

/** Longest text remembered, in characters: a long list of rooms is no habit, and comes from whoever can write to the stream. */
const LONGEST = 1_024;

/** For all nodes of the process: what a text stands for depends on nothing else. */
const cache = new Map<string, WireOptions>();

/** The options in `json`. The result is shared: it must not be changed. Throws when they are malformed. */
export function readOptions(json: string): WireOptions {
  const known = cache.get(json);
  if (known !== undefined) return known;
  const options = parseOptions(JSON.parse(json));
  if (json.length > LONGEST) return options;
  if (cache.size >= SIZE) cache.clear();
  cache.set(json, options);
  return options;
}
