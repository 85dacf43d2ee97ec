import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { RedisStreamsHealthIndicator } from 'nestjs-redis-streams-adapter/health';
import { HealthController } from './health.controller.js';
import { ObservabilityController } from './observability.controller.js';
import { shutdownTelemetry } from './sdk.js';

@Module({
  imports: [TerminusModule],
  controllers: [HealthController, ObservabilityController],
  providers: [RedisStreamsHealthIndicator],
})
export class ObservabilityModule implements OnApplicationShutdown {
  async onApplicationShutdown(): Promise<void> {
    await shutdownTelemetry();
  }
}
