import { everyNodeHas } from '../harness/index.js';
import { conformanceOfAnswers } from './conformance.js';

everyNodeHas({ ephemeral: 'stream' });
conformanceOfAnswers();
