/** Name of the module instance that `forRoot` registers when it is given none. */
export const DEFAULT_NAME = 'default';

/** Where Redis is looked for when neither an option nor the environment variable `REDIS_URL` says so. */
export const DEFAULT_URL = 'redis://localhost:6379';

/** Path of a Socket.IO server when none is given. See https://socket.io/docs/v4/server-options/#path */
export const DEFAULT_PATH = '/socket.io';
