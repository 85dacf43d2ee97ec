export type { HealthThresholds, ServerFigures } from './module/health/assessment.js';
export {
  RedisStreamsHealthIndicator,
  type RedisStreamsHealthOptions,
  type RedisStreamsReadinessOptions,
} from './module/health/redis-streams.health-indicator.js';
