import { conformance } from './conformance.js';
import { PEER } from './known-failures.js';

// The adapter of Socket.IO's own project: shows that the suite asks for nothing that it should not. With connection state recovery
// every check of the suite is made; without it there are only fewer.
conformance('peer', PEER, [true]);
