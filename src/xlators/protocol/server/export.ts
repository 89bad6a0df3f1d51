import { InodeTable, type Subvolume, type Translator } from '../../../graph/index.ts';

/** A subvolume that clients attach to: a brick. */
export class BrickExport {
  /** Names are hints here: which inode a name was last seen to lead to. What is true the brick says at each call. */
  readonly table: InodeTable;
  /** Every translator below, each once, parents first. */
  readonly translators: readonly Translator[];
  readonly volumeId: string | undefined;
  isUp = false;

  constructor(
    readonly subvolume: Subvolume,
    options: { readonly limit: number; readonly volumeId?: string },
  ) {
    this.table = new InodeTable({ limit: options.limit, dentryTtl: Number.POSITIVE_INFINITY });
    this.translators = below(subvolume.translator);
    this.volumeId = options.volumeId ?? this.translators.map(volumeIdOf).find((id) => id !== undefined);
  }

  get name(): string {
    return this.subvolume.name;
  }

  /** Clients may name any translator of the brick, as they may at glusterfsd; calls enter at the top of it all the same. */
  answersTo(name: string): boolean {
    return this.name === name || this.translators.some((translator) => translator.name === name);
  }
}

function below(top: Translator): Translator[] {
  const found = new Set<Translator>([top]);
  for (const translator of found) for (const child of translator.children) found.add(child.translator);
  return [...found];
}

function volumeIdOf(translator: Translator): string | undefined {
  const id = (translator.options as Record<string, unknown>)['volume-id'];
  return typeof id === 'string' ? id : undefined;
}
