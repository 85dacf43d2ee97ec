import { everyNodeHas } from '../harness/index.js';

// over sharded channels, too, nodes know of each other, ask each other and answer
everyNodeHas({ ephemeral: 'sharded-pubsub' });
await import('./cluster-membership.test.js');
await import('./cluster-requests.test.js');
