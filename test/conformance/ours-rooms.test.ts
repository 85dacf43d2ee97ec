import { everyNodeHas } from '../harness/index.js';
import { conformance } from './conformance.js';
import { BY_ROOM } from './known-failures.js';

everyNodeHas({ streamBy: 'room', streamCount: 3 });
conformance('ours', BY_ROOM);
