import { afterAll, describe, expect, it } from 'vitest';
import { createDriver } from '../../src/adapter/redis/create-driver.js';
import { noopTelemetry } from '../../src/adapter/telemetry-port.js';
import { RedisTlsServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { endToEnd } from './end-to-end.js';
import { clientFamilies } from './support/families.js';

// Tests are made before any hook runs, so whether there are any is known before, too.
const started = await RedisTlsServer.start().catch((error: Error) => error);
const missing = started instanceof Error ? started.message : '';
if (missing && !/openssl|tls-port/.test(missing)) throw started;
const redis = started as RedisTlsServer;

afterAll(() => (missing ? undefined : redis.stop()));

describe.skipIf(missing)(`a server with TLS${missing && ` (${missing})`}`, () => {
  const families = clientFamilies(() => ({ host: '127.0.0.1', port: redis.port }));
  for (const family of families) {
    endToEnd({ family, servers: () => [redis.server], wish: () => ({ ca: redis.certificate }) });
  }

  // a pool that cannot connect does not get as far as the adapter
  for (const family of families.filter(({ name }) => !name.includes('Pool'))) {
    it(`is not taken at its word without its certificate (${family.name})`, async () => {
      const given = await family.create({ name: 'strict', ca: '' });
      const settings = { useShardedPubSub: false, channelPrefix: 'test', telemetry: noopTelemetry };
      const connection = createDriver(given.client, settings).open('writer');
      try {
        await waitFor(() => connection.lastError?.message.includes('self-signed certificate'), {
          what: () => `the certificate to be refused; the last error is: ${connection.lastError?.message}`,
        });
        expect(connection.state).toBe('connecting');
      } finally {
        connection.close();
        await given.close();
      }
    });
  }
});
