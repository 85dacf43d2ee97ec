/**
 * The arguments of an event: parsed only when someone needs the values, and otherwise passed on as the JSON text that they came in.
 */
export class Payload {
  private constructor(
    private value: unknown[] | undefined,
    /** The arguments as a JSON array; `undefined` when they hold binary data. */
    readonly json: string | undefined,
  ) {}

  static of(args: unknown[]): Payload {
    return new Payload(args, undefined);
  }

  /** `json` must be a JSON array. */
  static ofJson(json: string, args?: unknown[]): Payload {
    return new Payload(args, json);
  }

  get args(): unknown[] {
    this.value ??= JSON.parse(this.json!) as unknown[];
    return this.value;
  }

  /** The same arguments with the offset of the packet behind them, where a client looks for it. */
  withOffset(offset: string): Payload {
    return this.#with(offset);
  }

  /**
   * The same arguments, for a packet that is never sent again and so has no offset. A client takes any string at the end, the name of an
   * event without arguments included, for an offset, and would come back with it: `null` keeps it from that.
   */
  withoutOffset(): Payload {
    const endsInString = this.json === undefined ? mayBecomeString(this.args.at(-1)) : this.json.at(-2) === '"';
    return endsInString ? this.#with(null) : this;
  }

  #with(last: string | null): Payload {
    const args = this.value && [...this.value, last];
    const json = this.json && `${this.json.slice(0, -1)},${JSON.stringify(last)}]`;
    return new Payload(args, json);
  }
}

/** Whether a client may get a string for it, as it does for a Date. One of binary data gets binary data. */
function mayBecomeString(value: unknown): boolean {
  if (typeof value === 'string' || value instanceof String) return true;
  if (value === undefined || value === null || ArrayBuffer.isView(value)) return false;
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}
