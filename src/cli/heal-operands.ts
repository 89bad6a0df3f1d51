import type { SplitBrainChoice } from '../api/heal/types.ts';
import { UsageError } from './errors.ts';

/** What `glfs heal` is to do. */
export type HealOrder =
  | { readonly do: 'info'; readonly form: 'entries' | 'summary' | 'split-brain' }
  | { readonly do: 'start'; readonly full: boolean }
  | { readonly do: 'resolve'; readonly file: string; readonly choice: SplitBrainChoice }
  | { readonly do: 'resolve-all'; readonly source: string };

type Parser = (words: readonly string[]) => HealOrder;

const forms = { '': 'entries', summary: 'summary', 'split-brain': 'split-brain' } as const;

const orders: Readonly<Record<string, Parser>> = {
  info: ([form = '', ...rest]) => {
    if (!(form in forms))
      throw new UsageError(`heal info: summary or split-brain is expected, not '${form}'`);
    none(rest);
    return { do: 'info', form: forms[form as keyof typeof forms] };
  },
  start: ([what, ...rest]) => {
    if (what !== undefined && what !== 'full')
      throw new UsageError(`heal start: full is expected, not '${what}'`);
    none(rest);
    return { do: 'start', full: what === 'full' };
  },
  'split-brain': ([how = '', ...words]) => {
    if (how === 'source-brick') return fromSource(words);
    if (how !== 'latest-mtime' && how !== 'bigger-file')
      throw new UsageError(
        `heal split-brain: latest-mtime, bigger-file or source-brick is expected, not '${how}'`,
      );
    const [file, ...rest] = words;
    none(rest);
    return { do: 'resolve', file: fileIn(file, how), choice: how };
  },
};

function fromSource([source, file, ...rest]: readonly string[]): HealOrder {
  if (source === undefined) throw new UsageError('source-brick: HOST:BRICK is missing');
  none(rest);
  if (file === undefined) return { do: 'resolve-all', source };
  return { do: 'resolve', file: fileIn(file, 'source-brick'), choice: { source } };
}

function fileIn(file: string | undefined, how: string): string {
  if (file === undefined) throw new UsageError(`${how}: the path of a file is missing`);
  if (!file.startsWith('/') && !/^gfid:[0-9a-f-]{36}$/i.test(file))
    throw new UsageError(
      `${how}: a path from the root of the volume or gfid:UUID is expected, not '${file}'`,
    );
  return file;
}

function none(words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`heal: '${words[0]}' is one word too many`);
}

/** Words behind the URL; without any, `info`. @throws UsageError */
export function parseHealOrder([word = 'info', ...words]: readonly string[]): HealOrder {
  const parse = Object.hasOwn(orders, word) ? orders[word] : undefined;
  if (parse === undefined)
    throw new UsageError(`heal: info, start or split-brain is expected, not '${word}'`);
  return parse(words);
}
