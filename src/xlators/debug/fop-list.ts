import type { Logger } from '../../logger.ts';
import { type FopName, fopNames } from '../../protocol/fops.ts';

/** GlusterFS writes COPY_FILE_RANGE, its logs writev and readv. */
const byName = new Map<string, FopName>([
  ...fopNames.map((fop) => [fop.toLowerCase(), fop] as const),
  ['readv', 'read'],
  ['writev', 'write'],
]);

/**
 * The fops of an option such as `WRITE,READ, COPY_FILE_RANGE`. Names that are no fops are passed over with a warning, as
 * GlusterFS does.
 */
export function parseFopList(text: string, translator: { name: string; log: Logger }): ReadonlySet<FopName> {
  const names = text
    .split(/[\s,]+/)
    .map((name) => name.replaceAll('_', '').toLowerCase())
    .filter((name) => name !== '');
  const found = new Set<FopName>();
  for (const name of names) {
    const fop = byName.get(name);
    if (fop !== undefined) found.add(fop);
    else translator.log.warn({ translator: translator.name, fop: name }, `no such file operation: ${name}`);
  }
  return found;
}

/** What `enable` options mean: the fops that are named, or all of them where none is. */
export function parseEnabled(text: string, translator: { name: string; log: Logger }): ReadonlySet<FopName> {
  return text.trim() === '' ? new Set(fopNames) : parseFopList(text, translator);
}
