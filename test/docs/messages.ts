import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { ROOT } from './markdown.js';

export interface Message {
  file: string;
  /** The class of the error that says it; none for what is no error. */
  error: string | undefined;
  /** What is said, with `…` for what is filled in. */
  text: string;
}

/** Every text in the sources, joined where it is put together of several. */
export function messages(): Message[] {
  const files = readdirSync(`${ROOT}src`, { recursive: true }) as string[];
  return files.filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts')).flatMap(messagesOf);
}

function messagesOf(file: string): Message[] {
  const text = readFileSync(`${ROOT}src/${file}`, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Message[] = [];
  const visit = (node: ts.Node): void => {
    if (isText(node)) {
      const error = thrownBy(node);
      for (const one of textsOf(node)) found.push({ file, error, text: one });
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isText(node: ts.Node): node is ts.Expression {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
  );
}

/** What an expression may say: several texts where it chooses. */
function textsOf(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isParenthesizedExpression(node)) return textsOf(node.expression);
  if (ts.isTemplateExpression(node)) {
    return [node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')];
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    return textsOf(node.left).flatMap((left) => textsOf(node.right).map((right) => left + right));
  }
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  return ['…'];
}

/** The class of the error whose message it is. */
function thrownBy(node: ts.Node): string | undefined {
  let [inner, outer] = [node, node.parent];
  while (ts.isConditionalExpression(outer) || ts.isParenthesizedExpression(outer))
    [inner, outer] = [outer, outer.parent];
  if (!ts.isNewExpression(outer) || outer.arguments?.[0] !== inner) return undefined;
  const name = outer.expression.getText();
  return name.endsWith('Error') ? name : undefined;
}
