import { makeBlock, readBlock } from '../blocks.ts';

/** Numbers of the blocks that tell which file is which lie above those of the writers' files. */
const FIRST = 1000;

/** A directory or file that is moved about. Its content says who it is. */
export interface Moved {
  readonly id: number;
  readonly kind: 'file' | 'directory';
  /** Where it may be; several where an answer is missing. `undefined`: gone. */
  places: readonly (Place | undefined)[];
  /** Where it has been. */
  readonly former: Place[];
}

export interface Place {
  /** Undefined: the directory of the round itself. */
  readonly parent: Moved | undefined;
  readonly name: string;
}

/** Where everything is, as far as the one who moves it knows. */
export class Tree {
  readonly things: Moved[] = [];
  /** Names that may or may not be there, whatever they hold: remains of a making whose outcome is unknown. */
  readonly litter: Place[] = [];
  /** What was removed, or replaced by another. */
  readonly removed: Moved[] = [];
  private serial = 0;

  constructor(readonly directory: string) {}

  next(kind: Moved['kind']): Moved {
    return { id: FIRST + this.serial++, kind, places: [], former: [] };
  }

  /** A name that nothing has had before. */
  name(thing: Moved): string {
    return `${thing.kind[0]}${thing.id}.${this.serial++}`;
  }

  remove(thing: Moved): void {
    this.things.splice(this.things.indexOf(thing), 1);
    this.removed.push(thing);
  }

  /** Its path, if that is certain: it and all above it. */
  path(thing: Moved): string | undefined {
    const [place] = thing.places;
    return thing.places.length === 1 && place !== undefined ? this.pathOf(place) : undefined;
  }

  pathOf({ parent, name }: Place): string | undefined {
    const above = parent === undefined ? this.directory : this.path(parent);
    return above === undefined ? undefined : `${above}/${name}`;
  }

  /** Those of a kind whose place is certain. */
  certain(kind?: Moved['kind']): Moved[] {
    return this.things.filter(
      (thing) => (kind ?? thing.kind) === thing.kind && this.path(thing) !== undefined,
    );
  }
}

/** What a file contains; in directories one named `id` does. */
export function contentOf(thing: Moved): Buffer {
  return makeBlock(thing.id, 0, 1);
}

export function isContentOf(bytes: Uint8Array, thing: Moved): boolean {
  const found = readBlock(bytes, thing.id, 0);
  return found.fault === undefined && found.generation === 1;
}

/** The file within a directory that says which one it is. */
export const IDENTITY = 'id';
