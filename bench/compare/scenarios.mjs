import { failures } from './scenarios/failures.mjs';
import { order } from './scenarios/order.mjs';
import { outages } from './scenarios/outages.mjs';
import { recovery } from './scenarios/recovery.mjs';
import { servers } from './scenarios/servers.mjs';

/** The rows of the table. With `needsStream`, a row is not run with the adapter that keeps no messages. */
export const SCENARIOS = [...outages, ...order, ...failures, ...recovery, ...servers];
