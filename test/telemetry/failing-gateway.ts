import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { throwError, type Observable } from 'rxjs';

/** A gateway whose handlers fail, in each of the ways in which a handler can, with what the test sets. */
@WebSocketGateway()
export class FailingGateway {
  failure: unknown;

  @SubscribeMessage('throws')
  throws(@MessageBody() _text: string): void {
    throw this.failure;
  }

  @SubscribeMessage('rejects')
  async rejects(@MessageBody() _text: string): Promise<void> {
    throw this.failure;
  }

  @SubscribeMessage('observes')
  observes(@MessageBody() _text: string): Observable<never> {
    return throwError(() => this.failure);
  }
}
