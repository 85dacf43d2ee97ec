import { conformance } from './conformance.js';

conformance('ours');
