import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { RedisStreamsHealthIndicator } from 'nestjs-redis-streams-adapter/health';

@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly redisStreams: RedisStreamsHealthIndicator,
  ) {}

  /** For people and alerts: how well the node does, with figures. */
  @Get('health')
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.redisStreams.isHealthy()]);
  }

  /** For load balancers: whether the node is to be given clients. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.redisStreams.isReady()]);
  }
}
