import { Module } from '@nestjs/common';
import { RedisStreamsModule } from 'nestjs-redis-streams-adapter';
import { BalancerModule } from './balancer.module.js';
import { ChatModule } from './chat/chat.module.js';
import { ObservabilityModule } from './observability/observability.module.js';

@Module({
  imports: [
    RedisStreamsModule.forRoot({
      // Clients of a node that was killed recover, too: try `kill -9` on one.
      sessions: 'crash-safe',
      // A node that is told to stop hands its clients over in steps: try `kill`, without -9.
      drainTimeout: 2_000,
      heartbeatInterval: 1_000,
      heartbeatTimeout: 3_000,
      telemetry: { heartbeatSpans: false },
      serverOptions: {
        connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true },
      },
    }),
    ChatModule,
    BalancerModule,
    ObservabilityModule,
  ],
})
export class AppModule {}
