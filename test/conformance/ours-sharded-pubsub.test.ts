import { everyNodeHas } from '../harness/index.js';
import { conformanceOfAnswers } from './conformance.js';

everyNodeHas({ ephemeral: 'sharded-pubsub' });
conformanceOfAnswers();
