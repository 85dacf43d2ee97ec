import { expect, test } from 'vitest';
import { errorType } from './error-type.js';

class RequestTimeoutError extends Error {}
class ErrorReply extends Error {}
class SimpleError extends ErrorReply {}

test.each([
  ['a class', new TypeError('secret'), 'TypeError'],
  ['a class that does not name itself', new ErrorReply('secret text'), 'ErrorReply'],
  ['a name', Object.assign(new Error('secret'), { name: 'AbortError' }), 'AbortError'],
  ['a code', Object.assign(new Error('secret'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ['a code that is none', Object.assign(new TypeError(), { code: 'room:secret' }), 'TypeError'],
  ['an answer of Redis', new SimpleError('OOM command not allowed'), 'OOM'],
  ['a timeout of ours', new RequestTimeoutError('secret'), 'timeout'],
  ['a timeout of the network', Object.assign(new Error(), { code: 'ETIMEDOUT' }), 'timeout'],
  ['a name that may be anything', Object.assign(new Error(), { name: 'room secret' }), '_OTHER'],
  ['a name without end', Object.assign(new Error(), { name: 'x'.repeat(1_000) }), '_OTHER'],
  ['text', 'secret', '_OTHER'],
  ['nothing', undefined, '_OTHER'],
])('%s', (_what, error, type) => {
  expect(errorType(error)).toBe(type);
});
