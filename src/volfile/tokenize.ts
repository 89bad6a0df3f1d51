import { VolfileError, type VolfilePosition } from './volfile.ts';

/** `word` may be a keyword, `quoted` never is one. `end` has the empty text. */
export type TokenKind = 'word' | 'quoted' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** Without quotes and escapes. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export interface TokenizerOptions {
  source: string;
  maxTokens: number;
  onWarning: (problem: string, position: VolfilePosition) => void;
}

const BLANKS = /[ \t\r\n]+/y;
const COMMENT = /#[^\n]*/y;
const WORD = /[^ \t\r\n"\\]+/y;
const QUOTED_RUN = /[^\n"\\]+/y;

/**
 * The words of a volfile, one at a time, in time linear to its length.
 *
 * The lexical rules are GlusterFS's, odd ones included, because every client of a volume must read the same options
 * (a hash regex, say) out of the same text:
 * - `#` opens a comment only where a word could start: `a#b` is one word;
 * - a quote ends a bare word: `foo"x y"` is two words;
 * - in quotes a backslash stands for the character after it (`\n` is an n), and line ends are dropped;
 * - outside quotes a backslash ends the word and is dropped itself. Before a line end that continues the line; elsewhere
 *   it is most likely a mistake, so it is reported as a warning;
 * - a backquote that no backslash precedes would run a shell command, in comments too: refused.
 */
export class Tokenizer {
  readonly #text: string;
  readonly #options: TokenizerOptions;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #count = 0;

  constructor(text: string, options: TokenizerOptions) {
    this.#text = text;
    this.#options = options;
    this.#refuse('\0', 0, 'NUL character');
    this.#refuseCommands();
  }

  /** @throws VolfileError at a quote that never closes and past the limit of tokens */
  next(): Token {
    this.#skip();
    const { line, column } = this.#position(this.#at);
    if (this.#at === this.#text.length) return { kind: 'end', text: '', line, column };
    this.#count += 1;
    if (this.#count > this.#options.maxTokens) {
      throw this.error(`more than ${this.#options.maxTokens} words`, { line, column });
    }
    if (this.#text[this.#at] === '"') return { kind: 'quoted', text: this.#quoted(), line, column };
    return { kind: 'word', text: this.#match(WORD), line, column };
  }

  error(problem: string, at: { line: number; column: number }): VolfileError {
    return new VolfileError(problem, { source: this.#options.source, line: at.line, column: at.column });
  }

  warn(problem: string, at: { line: number; column: number }): void {
    this.#options.onWarning(problem, { source: this.#options.source, line: at.line, column: at.column });
  }

  /** Blanks, comments and bare backslashes. */
  #skip(): void {
    const text = this.#text;
    while (this.#at < text.length) {
      const blanks = this.#match(BLANKS);
      if (blanks !== '') {
        const last = blanks.lastIndexOf('\n');
        if (last < 0) continue;
        for (let i = blanks.indexOf('\n'); i >= 0; i = blanks.indexOf('\n', i + 1)) this.#line += 1;
        this.#lineStart = this.#at - blanks.length + last + 1;
      } else if (text[this.#at] === '#') {
        this.#match(COMMENT);
      } else if (text[this.#at] === '\\') {
        if (!/^\r?\n/.test(text.slice(this.#at + 1, this.#at + 3))) {
          this.warn('a backslash outside quotes is dropped and ends the word', this.#position(this.#at));
        }
        this.#at += 1;
      } else {
        return;
      }
    }
  }

  #quoted(): string {
    const text = this.#text;
    const start = this.#position(this.#at);
    const parts: string[] = [];
    this.#at += 1;
    while (this.#at < text.length) {
      const run = this.#match(QUOTED_RUN);
      if (run !== '') {
        parts.push(run);
        continue;
      }
      const character = text[this.#at]!;
      this.#at += 1;
      if (character === '"') return parts.join('');
      if (character === '\n') {
        this.#line += 1;
        this.#lineStart = this.#at;
      } else if (this.#at < text.length && text[this.#at] !== '\n') {
        // character is a backslash; before a line end it is dropped with it
        parts.push(text[this.#at]!);
        this.#at += 1;
      }
    }
    throw this.error('the quote is never closed', start);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #position(at: number): { line: number; column: number } {
    return { line: this.#line, column: at - this.#lineStart + 1 };
  }

  #refuseCommands(): void {
    const text = this.#text;
    for (let at = text.indexOf('`'); at >= 0; at = text.indexOf('`', at + 1)) {
      let backslashes = 0;
      while (text[at - backslashes - 1] === '\\') backslashes += 1;
      if (backslashes % 2 === 0) {
        this.#refuse('`', at, 'commands in backquotes are refused; write \\` in quotes for the character:');
      }
    }
  }

  /** Throws if `character` occurs from `from` on; the line is counted only then. */
  #refuse(character: string, from: number, problem: string): void {
    const at = this.#text.indexOf(character, from);
    if (at < 0) return;
    const before = this.#text.slice(0, at).split('\n');
    throw this.error(`${problem} ${JSON.stringify(character)}`, {
      line: before.length,
      column: before[before.length - 1]!.length + 1,
    });
  }
}
