import { Controller, Get, Req, Res } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DrawnSpan } from './recent-traces.js';
import { prometheus, recentTraces } from './sdk.js';

@Controller()
export class ObservabilityController {
  @Get('metrics')
  metrics(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    prometheus.getMetricsRequestHandler(request, response);
  }

  @Get('traces.json')
  traces(): DrawnSpan[][] {
    return recentTraces.list();
  }
}
