export * from './adapter/public.js';
export * from './module/index.js';
export * from './telemetry/index.js';
