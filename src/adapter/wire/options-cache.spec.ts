import { describe, expect, it } from 'vitest';
import { MalformedDataError } from '../errors.js';
import { readOptions } from './options-cache.js';

function options(...rooms: string[]): string {
  return JSON.stringify({ rooms, except: [], flags: {} });
}

describe('options that were read before', () => {
  it('are not parsed again', () => {
    const text = options('one', 'two');
    expect(readOptions(text)).toEqual({ rooms: ['one', 'two'], except: [], flags: {} });
    expect(readOptions(text)).toBe(readOptions(text));
  });

  it('are forgotten when there are many others', () => {
    const text = options('first');
    const first = readOptions(text);
    for (let i = 0; i < 512; i++) readOptions(options(`room ${i}`));
    expect(readOptions(text)).not.toBe(first);
  });

  it('are not remembered when they are long', () => {
    const text = options('x'.repeat(1_000), 'y'.repeat(1_000));
    expect(readOptions(text)).not.toBe(readOptions(text));
    expect(readOptions(text)).toEqual(readOptions(text));
  });

  it('are refused each time when they are malformed', () => {
    for (let i = 0; i < 2; i++) expect(() => readOptions('{"rooms":1}')).toThrow(MalformedDataError);
  });
});
