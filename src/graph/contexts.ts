/** The key under which a translator keeps a `T` with an inode or fd: the translator itself, or an object that it owns. */
export interface ContextOwner<T> {
  /** Never there: it carries the type. */
  readonly contextType?: T;
}

/** What translators keep with an inode or an fd, each under a key of its own. */
export class Contexts {
  protected contexts: Map<object, unknown> | undefined;

  get<T>(owner: ContextOwner<T>): T | undefined {
    return this.contexts?.get(owner) as T | undefined;
  }

  set<T>(owner: ContextOwner<T>, value: T): void {
    this.contexts ??= new Map();
    this.contexts.set(owner, value);
  }

  forget(owner: object): void {
    this.contexts?.delete(owner);
  }

  /** Forgets what the translators of a dropped graph knew. */
  forgetAll(owners: ReadonlySet<object>): void {
    if (this.contexts === undefined) return;
    for (const owner of this.contexts.keys()) if (owners.has(owner)) this.contexts.delete(owner);
  }
}
