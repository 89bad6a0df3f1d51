import { GlfsError } from '../../../../errors.ts';
import type { Loc } from '../../../../graph/index.ts';
import type { EntryTarget } from '../../locking/lockees.ts';

/** The name that an operation changes. @throws GlfsError EINVAL where the caller names none. */
export function targetOf({ parent, name }: Loc): Required<EntryTarget> {
  if (parent !== undefined && name !== undefined) return { parent, name };
  throw new GlfsError('EINVAL', 'a parent and a name are needed');
}
