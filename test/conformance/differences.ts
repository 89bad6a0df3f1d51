/** A case that ends otherwise on some stacks than on a Linux file system, and is to. */
export interface Difference {
  /** Name of the case. */
  readonly name: string;
  /** Names of stacks, or traits of theirs. */
  readonly on: readonly string[];
  /** Part of the failed case's message: what is there instead. */
  readonly shows: string;
  /** Why it is accepted. GlusterFS has all of these differences too, or the reason says why it has not. */
  readonly reason: string;
}

/**
 * The accepted differences. Each is checked at every run: a case that no longer differs on a stack that is listed, or that
 * differs in another way, fails.
 */
export const differences: readonly Difference[] = [];
