import { decodeText } from '../xdr/text.ts';
import { type Token, Tokenizer } from './tokenize.ts';
import {
  keywords,
  typePattern,
  type Volfile,
  VolfileError,
  type VolfileNode,
  type VolfilePosition,
} from './volfile.ts';

export interface ParseOptions {
  /** What errors call the text, e.g. a file name; `volfile` by default. */
  source?: string;
  /** Longest text that is looked at, in characters. */
  maxLength?: number;
  maxTokens?: number;
  /** What GlusterFS takes without an error though the author hardly meant it. Nothing is printed by default. */
  onWarning?: (problem: string, position: VolfilePosition) => void;
}

/** A client volfile takes some 30 words for each brick. */
export const DEFAULT_MAX_TOKENS = 1_000_000;
export const DEFAULT_MAX_LENGTH = 16 * 1024 * 1024;

/**
 * Reads a volfile. Grammar (words may be quoted, keywords must not be):
 *
 *     volfile   = block { block }
 *     block     = "volume" NAME "type" TYPE { option } [ "subvolumes" NAME { NAME } ] { option } "end-volume"
 *     option    = "option" KEY VALUE
 *
 * As in GlusterFS, a subvolume must be defined earlier (so there are no cycles), the last block is the top, an option
 * that is given twice has its last value, and one with an empty key or value is left out (both with a warning). Beyond
 * GlusterFS, a subvolume that is listed twice is an error, and a block may have neither options nor subvolumes.
 *
 * Takes time and memory linear to the text. Bytes are read as UTF-8, others survive as in file names (xdr/text.ts).
 * @throws VolfileError (code EINVAL) with source, line and column; nothing else
 */
export function parseVolfile(text: string | Uint8Array, options: ParseOptions = {}): Volfile {
  const source = options.source ?? 'volfile';
  const maxLength = options.maxLength ?? DEFAULT_MAX_LENGTH;
  if (text.length > maxLength) {
    throw new VolfileError(`longer than ${maxLength} characters`, { source, line: 1, column: 1 });
  }
  const tokens = new Tokenizer(typeof text === 'string' ? text : decodeText(text), {
    source,
    maxTokens: options.maxTokens ?? DEFAULT_MAX_TOKENS,
    onWarning: options.onWarning ?? (() => {}),
  });
  return new Parser(tokens).volfile();
}

interface Block {
  name: string;
  line: number;
  type: string | undefined;
  options: Map<string, string>;
  subvolumes: string[] | undefined;
}

const KEYWORDS: ReadonlySet<string> = new Set(keywords);

class Parser {
  readonly #tokens: Tokenizer;
  /** The word after the last one taken. */
  #ahead: Token;
  readonly #nodes = new Map<string, VolfileNode>();

  constructor(tokens: Tokenizer) {
    this.#tokens = tokens;
    this.#ahead = tokens.next();
  }

  volfile(): Volfile {
    let top: string | undefined;
    while (this.#ahead.kind !== 'end') top = this.#block();
    if (top === undefined) throw this.#error('no volume is defined', this.#ahead);
    return { nodes: [...this.#nodes.values()], top };
  }

  /** Returns the block's name. */
  #block(): string {
    const opening = this.#take();
    if (keyword(opening) !== 'volume') {
      throw this.#error(`expected 'volume', found ${shown(opening)}`, opening);
    }
    const name = this.#word("'volume' needs a name");
    if (name.text === '') throw this.#error('the name of the volume is empty', name);
    const earlier = this.#nodes.get(name.text);
    if (earlier) {
      throw this.#error(`volume '${name.text}' is defined again (first in line ${earlier.line})`, name);
    }
    const block: Block = {
      name: name.text,
      line: opening.line,
      type: undefined,
      options: new Map(),
      subvolumes: undefined,
    };
    while (this.#statement(block));
    return block.name;
  }

  /** One statement inside a block; false after `end-volume`. */
  #statement(block: Block): boolean {
    const token = this.#take();
    const word = keyword(token);
    if (word === 'type') this.#type(block, token);
    else if (word === undefined || word === 'volume') throw this.#unexpected(block, token);
    else if (block.type === undefined) {
      throw this.#error(`volume '${block.name}' has no type: it must come before '${word}'`, token);
    } else if (word === 'option') this.#option(block);
    else if (word === 'end-volume') {
      const { name, type, options, subvolumes = [], line } = block;
      this.#nodes.set(name, { name, type, options, subvolumes, line });
      return false;
    } else this.#subvolumes(block, token);
    return true;
  }

  #type(block: Block, at: Token): void {
    if (block.type !== undefined) throw this.#error(`volume '${block.name}': a second 'type'`, at);
    const type = this.#word(`volume '${block.name}': 'type' needs CATEGORY/NAME`);
    if (!typePattern.test(type.text)) {
      throw this.#error(`volume '${block.name}': type ${shown(type)} is not CATEGORY/NAME`, type);
    }
    block.type = type.text;
  }

  #option(block: Block): void {
    const missing = `volume '${block.name}': 'option' needs a key and a value (keywords and blanks in quotes)`;
    const key = this.#word(missing);
    const value = this.#word(missing);
    if (key.text === '' || value.text === '') {
      this.#tokens.warn(`volume '${block.name}': option ${shown(key)} without a value is left out`, key);
      return;
    }
    if (block.options.has(key.text)) {
      this.#tokens.warn(
        `volume '${block.name}': option '${key.text}' is given twice, the last one counts`,
        key,
      );
    }
    block.options.set(key.text, value.text);
  }

  #subvolumes(block: Block, at: Token): void {
    if (block.subvolumes) throw this.#error(`volume '${block.name}': a second 'subvolumes'`, at);
    const names = new Set<string>();
    while (isWord(this.#ahead)) {
      const sub = this.#take();
      if (!this.#nodes.has(sub.text)) {
        const problem =
          sub.text === block.name ? 'has itself as subvolume' : `subvolume ${shown(sub)} is not defined`;
        throw this.#error(`volume '${block.name}': ${problem} (it must be defined earlier)`, sub);
      }
      if (names.has(sub.text)) {
        throw this.#error(`volume '${block.name}': subvolume '${sub.text}' is listed twice`, sub);
      }
      names.add(sub.text);
    }
    if (names.size === 0) throw this.#error(`volume '${block.name}': 'subvolumes' needs a name`, this.#ahead);
    block.subvolumes = [...names];
  }

  #unexpected(block: Block, token: Token): VolfileError {
    if (token.kind === 'end' || token.text === 'volume') {
      return this.#error(`'end-volume' is missing for volume '${block.name}' of line ${block.line}`, token);
    }
    const allowed = "'type', 'option', 'subvolumes' or 'end-volume'";
    return this.#error(
      `volume '${block.name}': expected ${allowed}, found ${shown(token)} (a value with blanks or backslashes must be quoted)`,
      token,
    );
  }

  #word(missing: string): Token {
    if (!isWord(this.#ahead)) throw this.#error(`${missing}, found ${shown(this.#ahead)}`, this.#ahead);
    return this.#take();
  }

  #take(): Token {
    const token = this.#ahead;
    if (token.kind !== 'end') this.#ahead = this.#tokens.next();
    return token;
  }

  #error(problem: string, at: Token): VolfileError {
    return this.#tokens.error(problem, at);
  }
}

function keyword(token: Token): string | undefined {
  return token.kind === 'word' && KEYWORDS.has(token.text) ? token.text : undefined;
}

function isWord(token: Token): boolean {
  return token.kind === 'quoted' || (token.kind === 'word' && !KEYWORDS.has(token.text));
}

/** For messages: a hostile volfile must not make them long. */
function shown(token: Token): string {
  if (token.kind === 'end') return 'the end of the text';
  return `'${token.text.length > 60 ? `${token.text.slice(0, 60)}…` : token.text}'`;
}
