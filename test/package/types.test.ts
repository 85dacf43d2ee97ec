import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Application, PackedPackage } from './packed-package.js';

const source = `
  import { createAdapter, RedisStreamsIoAdapter, RedisStreamsModule } from 'nestjs-redis-streams-adapter';
  import { createAdapter as bare, type RedisStreamsAdapterOptions } from 'nestjs-redis-streams-adapter/adapter';
  import { RedisStreamsHealthIndicator } from 'nestjs-redis-streams-adapter/health';
  import { createTelemetry } from 'nestjs-redis-streams-adapter/telemetry';
  import { RedisServer } from 'nestjs-redis-streams-adapter/testing';
  import { createClient } from 'redis';
  import { Server } from 'socket.io';

  const options: RedisStreamsAdapterOptions = { streamName: 'chat' };
  new Server({ adapter: createAdapter(createClient(), options) });
  new Server({ adapter: bare(createClient(), { telemetry: createTelemetry() }) });
  export const used = [RedisStreamsModule.forRoot(), RedisStreamsIoAdapter, RedisStreamsHealthIndicator];
  export const server: Promise<RedisServer> = RedisServer.start();
`;

const wrong = `
  import { createAdapter } from 'nestjs-redis-streams-adapter';
  import { createClient } from 'redis';
  createAdapter(createClient(), { streamName: 7 });
`;

let packed: PackedPackage;

beforeAll(async () => {
  packed = await PackedPackage.pack();
});

afterAll(() => packed.remove());

function install(type: 'module' | 'commonjs'): Promise<Application> {
  const { dependencies, peerDependencies } = packed.manifest;
  return packed.install(type, [
    ...Object.keys(dependencies),
    ...Object.keys(peerDependencies),
    'socket.io',
    '@types/node',
  ]);
}

describe('An application that compiles against the types', () => {
  it.each([
    ['as ESM', 'module', { module: 'nodenext', skipLibCheck: false }],
    ['as CommonJS, as Nest 11 lays it down', 'commonjs', { module: 'nodenext' }],
    ['with a bundler', 'module', { module: 'esnext', moduleResolution: 'bundler' }],
    [
      'with the module resolution of older Nest applications, which knows no exports',
      'commonjs',
      { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
    ],
  ] as const)(
    'finds every entry, and is told of a wrong option, %s',
    async (_name, type, options) => {
      const application = await install(type);

      expect(await application.compile({ 'application.ts': source, 'wrong.ts': wrong }, options)).toEqual([
        expect.stringMatching(/^wrong\.ts\(.*Type 'number' is not assignable to type 'string'/),
      ]);
    },
    300_000,
  );
});
