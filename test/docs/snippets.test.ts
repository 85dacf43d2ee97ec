import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { pages, read, ROOT, sides, snippets } from './markdown.js';

/** What a snippet may take for granted, by name: an application around it. */
const SURROUNDINGS: Record<string, string> = {
  RedisStreamsModule: `import { RedisStreamsModule } from 'nestjs-redis-streams-adapter';`,
  RedisStreamsIoAdapter: `import { RedisStreamsIoAdapter } from 'nestjs-redis-streams-adapter';`,
  RedisStreams: `import { RedisStreams } from 'nestjs-redis-streams-adapter';`,
  createAdapter: `import { createAdapter } from 'nestjs-redis-streams-adapter';`,
  Injectable: `import { Injectable } from '@nestjs/common';`,
  Module: `import { Module } from '@nestjs/common';`,
  Controller: `import { Controller } from '@nestjs/common';`,
  Get: `import { Get } from '@nestjs/common';`,
  NestFactory: `import { NestFactory } from '@nestjs/core';`,
  createClient: `import { createClient } from 'redis';`,
  Server: `import { Server } from 'socket.io';`,
  app: `declare const app: import('@nestjs/common').INestApplication;`,
  client: `declare const client: ReturnType<typeof import('redis').createClient>;`,
  redisClient: `declare const redisClient: ReturnType<typeof import('redis').createClient>;`,
  ChatModule: `declare class ChatModule {}`,
  RedisIoAdapter: `declare class RedisIoAdapter extends (await import('@nestjs/platform-socket.io')).IoAdapter {
    connectToRedis(): Promise<void>;
  }`,
  AppModule: `declare class AppModule {}`,
  ConfigModule: `declare class ConfigModule {}`,
  ConfigService: `declare class ConfigService { getOrThrow(name: string): string }`,
  alert: `declare function alert(text: string): void;`,
};

const folder = mkdtempSync(join(ROOT, '.tmp-snippets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  strictPropertyInitialization: false,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  noEmit: true,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
};

function declares(code: string, name: string): boolean {
  return new RegExp(`^import [^;]*\\b${name}\\b[^;]* from |\\b(?:const|class) ${name}\\b`, 'm').test(code);
}

describe('the TypeScript of the documentation', () => {
  const all = pages().flatMap((page) => [...snippets(page, 'ts'), ...snippets(page, 'diff').flatMap(sides)]);

  it('compiles, on both sides of a diff', () => {
    expect(all.length).toBeGreaterThan(5);
    const files = all.map((snippet, index) => {
      const { code } = snippet;
      const needed = Object.entries(SURROUNDINGS).filter(
        ([name]) => new RegExp(`\\b${name}\\b`).test(code) && !declares(code, name),
      );
      const file = join(folder, `snippet-${index}.mts`);
      writeFileSync(file, `${needed.map(([, line]) => line).join(' ')} export {};\n${code}`);
      return { file, snippet };
    });
    const program = ts.createProgram(
      files.map(({ file }) => file),
      OPTIONS,
    );
    const errors = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const source = files.find((one) => one.file === file?.fileName);
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line : 0;
      const place = source ? `${source.snippet.page}:${source.snippet.line + line}` : file?.fileName;
      return `${place}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
    expect(errors).toEqual([]);
  });
});

describe('what else the documentation shows', () => {
  it('is YAML, where it is said to be', () => {
    const all = pages().flatMap((page) => snippets(page, 'yaml'));
    expect(all.length).toBeGreaterThan(2);
    expect(all.flatMap(({ code }) => parseAllDocuments(code).flatMap(({ errors }) => errors))).toEqual([]);
  });

  it('runs scripts, tests and files that there are', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: Record<string, string> };
    const own = pages().map((page) => [page, read(page)] as const);
    const broken = own.flatMap(([page, text]) => [
      ...[...text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)]
        .filter(([, script, short]) => !scripts[(script ?? short)!])
        .map(([command]) => `${page}: ${command}`),
      ...[...text.matchAll(/`((?:src|test|bench|sample|scripts|dashboards)\/[\w./-]+)`/g)]
        .filter(([, path]) => !existsSync(ROOT + path!))
        .map(([, path]) => `${page}: ${path}`),
    ]);
    expect(broken).toEqual([]);
  });
});
