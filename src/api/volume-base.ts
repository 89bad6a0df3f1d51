import { type Call, runCall, shown } from './calls.ts';
import { processIdentity } from './credentials.ts';
import type { Mount, VolumeInfo } from './mount.ts';
import { rootStep, Scope } from './scope.ts';
import type { CallOptions, Path } from './types.ts';

/** What all parts of Volume stand on: a scope, and the way a call on a path is made. */
export abstract class VolumeBase {
  protected readonly scope: Scope;

  constructor(mount: Mount, info: VolumeInfo, scope?: Scope) {
    this.scope = scope ?? new Scope(mount, info, processIdentity(), rootStep(mount));
  }

  /** One call on a path: errors name both. */
  protected call<T>(
    syscall: string,
    path: Path,
    options: CallOptions | undefined,
    body: (call: Call) => Promise<T>,
  ): Promise<T> {
    return runCall(this.scope, { syscall, path: shown(path) }, options, body);
  }

  /** One call on two paths. */
  protected callBetween<T>(
    syscall: string,
    path: Path,
    dest: Path,
    options: CallOptions | undefined,
    body: (call: Call) => Promise<T>,
  ): Promise<T> {
    return runCall(this.scope, { syscall, path: shown(path), dest: shown(dest) }, options, body);
  }
}
