import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

function declarations(): string[] {
  const files = readdirSync(dist, { recursive: true }) as string[];
  return files.filter((file) => file.endsWith('.d.ts'));
}

/** Where the type `any` is written in a file. */
function anys(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(dist, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${file}:${line + 1}: ${node.parent.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

it('The declarations that the package brings say `any` of nothing', () => {
  expect(declarations().length).toBeGreaterThan(30);
  expect(declarations().flatMap(anys)).toEqual([]);
});
