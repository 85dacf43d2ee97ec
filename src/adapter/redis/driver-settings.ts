import type { ResolvedOptions } from '../options.js';
import type { TelemetryPort } from '../telemetry-port.js';

/** What a driver needs to know of the adapter's options. */
export interface DriverSettings extends Pick<ResolvedOptions, 'useShardedPubSub' | 'channelPrefix'> {
  telemetry: Pick<TelemetryPort, 'suppress' | 'background'>;
}
