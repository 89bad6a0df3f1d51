import { createRequire } from 'node:module';
import type { Kernel } from './native.ts';
import type { Syscalls } from './syscalls.ts';

/** What native/addon.cc exports. */
export interface Addon {
  /** By level of instructions (`scalar`, `avx2` …), the best one last. */
  readonly kernels: Readonly<Record<string, Kernel>>;
  /** On Linux only. */
  readonly syscalls?: Syscalls;
}

/** Both dist/ and src/ lie one below the package. */
const LOCATION = '../native/build/Release/glfs_native.node';

let loaded: { addon: Addon | undefined; reason?: unknown } | undefined;

/** The addon, or why it could not be loaded. Tried once. */
export function loadAddon(): { addon: Addon | undefined; reason?: unknown } {
  if (loaded !== undefined) return loaded;
  try {
    loaded = { addon: createRequire(import.meta.url)(LOCATION) as Addon };
  } catch (reason) {
    loaded = { addon: undefined, reason };
  }
  return loaded;
}
