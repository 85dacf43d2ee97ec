import cluster from 'node:cluster';
import { Injectable, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setupWorker } from '@socket.io/sticky';
import { ChatGateway } from './chat/chat.gateway.js';
import { ChatModule } from './chat/chat.module.js';

/** Takes connections from the balancer, where there is one: it hands those of one session to one node. */
@Injectable()
class Balancer implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(private readonly gateway: ChatGateway) {}

  onApplicationBootstrap(): void {
    if (cluster.isWorker) {
      setupWorker(this.gateway.server);
    }
  }

  /** The first to be told of a stop, so that whoever is sent away finds another node. */
  onModuleDestroy(): void {
    process.send?.({ type: 'node:leaving' });
  }
}

@Module({
  imports: [ChatModule],
  providers: [Balancer],
})
export class BalancerModule {}
