/** Where a Redis is: host and port. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** For example `10.0.0.5:6379`. */
export function addressText({ host, port }: ServerAddress): string {
  return `${host}:${port}`;
}

/** The opposite of {@link addressText}; a host may have colons of its own, as IPv6 has. `undefined` where there is no port. */
export function parseAddress(text: string): ServerAddress | undefined {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  return colon === -1 || !Number.isInteger(port) || port < 1 ? undefined : { host: text.slice(0, colon), port };
}
