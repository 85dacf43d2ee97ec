import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { Refusal } from './chat.events.js';

/** Answers the call that failed, where the client waits for an answer: Nest's own filter emits an event beside it. */
@Catch()
export class RefusalFilter implements ExceptionFilter {
  private readonly logger = new Logger(RefusalFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const expected = exception instanceof WsException;
    if (!expected) {
      this.logger.error(exception);
    }
    const answer = host.getArgs<unknown[]>().find((argument) => typeof argument === 'function');
    answer?.({ error: expected ? exception.message : 'That did not work. Try again.' } satisfies Refusal);
  }
}
