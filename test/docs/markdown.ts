import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Every page for readers, by its path from the root. */
export function pages(): string[] {
  const docs = readdirSync(`${ROOT}docs`).filter((name) => name.endsWith('.md'));
  return [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'dashboards/README.md',
    'sample/README.md',
  ].concat(docs.map((name) => `docs/${name}`));
}

export function read(page: string): string {
  return readFileSync(`${ROOT}${page}`, 'utf8');
}

export interface Snippet {
  page: string;
  line: number;
  code: string;
}

/** The blocks of one language in a page. */
export function snippets(page: string, language: string): Snippet[] {
  const text = read(page);
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    code: match[1]!,
  }));
}

/** What a diff makes another, and what it makes of it; both with the lines of the page. */
export function sides({ code, ...place }: Snippet): Snippet[] {
  const without = (sign: string): string =>
    code.replaceAll(/^.*$/gm, (line) => (line.startsWith(sign) ? '' : line.slice(1)));
  return [without('+'), without('-')].map((side) => ({ ...place, code: side }));
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchors(page: string): Set<string> {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)];
  return new Set(
    headings.map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
