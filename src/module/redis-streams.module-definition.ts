import { ConfigurableModuleBuilder } from '@nestjs/common';
import type {
  RedisStreamsModuleExtras,
  RedisStreamsModuleOptions,
  RedisStreamsOptionsFactory,
} from './module-options.js';
import { createProviders, exportedTokens } from './redis-streams.providers.js';
import { MODULE_OPTIONS } from './redis-streams.tokens.js';

const CREATE_OPTIONS: keyof RedisStreamsOptionsFactory = 'createRedisStreamsOptions';

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<RedisStreamsModuleOptions>({
  optionsInjectionToken: MODULE_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName(CREATE_OPTIONS)
  .setExtras<RedisStreamsModuleExtras>(
    { name: undefined, isGlobal: undefined },
    (definition, { name, isGlobal = true }) => ({
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []), ...createProviders(name)],
      exports: exportedTokens(name),
    }),
  )
  .build();
