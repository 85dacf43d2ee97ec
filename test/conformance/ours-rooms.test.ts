import { everyNodeHas } from '../harness/index.js';
import { conformance } from './conformance.js';
import { BY_ROOM } from './known-failures.js';

everyNodeHas({ streamBy: 'room', streamCount: 3 });
// Without connection state recovery a node serves its own clients at once, as it does with one stream, and those of others as here.
conformance('ours', BY_ROOM, [true]);
