import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';

const PAGE = fileURLToPath(new URL('../public/', import.meta.url));

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Serves the page, which needs no build, with headers that let it run nothing but its own files. */
export function servePage(app: NestExpressApplication): void {
  app.disable('x-powered-by');
  app.useStaticAssets(PAGE, {
    extensions: ['html'],
    setHeaders: (response) => {
      for (const [name, value] of Object.entries(HEADERS)) {
        response.setHeader(name, value);
      }
    },
  });
}
