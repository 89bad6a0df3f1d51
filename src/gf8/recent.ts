/** What was computed for the keys used last: at most `capacity` of them. */
export class Recent<Key, Value> {
  readonly #capacity: number;
  /** In the order of their last use. */
  readonly #values = new Map<Key, Value>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: Key, compute: () => Value): Value {
    const known = this.#values.get(key);
    const value = known ?? compute();
    if (known !== undefined) this.#values.delete(key);
    else if (this.#values.size === this.#capacity)
      this.#values.delete(this.#values.keys().next().value as Key);
    this.#values.set(key, value);
    return value;
  }
}
