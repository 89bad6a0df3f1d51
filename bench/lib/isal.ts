import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which of ISA-L's entry points: the one for AVX2, or the one that chooses by the CPU. */
export type IsalLevel = 'avx2' | 'best';

/** A multiplication: `rows` times `columns`, row by row, and bytes of each source. */
export interface IsalWork {
  readonly matrix: Uint8Array;
  readonly columns: number;
  readonly length: number;
  /** Bytes from the beginning of a page to that of each buffer. */
  readonly offset: number;
}

/** Intel's ISA-L, in a program of its own that bench/isal.c is compiled to. */
export class Isal implements Disposable {
  private constructor(private readonly directory: string) {}

  /** Undefined, with the compiler's words on standard error, where there is no compiler or no libisal-dev. */
  static build(): Isal | undefined {
    const directory = mkdtempSync(join(tmpdir(), 'glfs-isal-'));
    const source = fileURLToPath(new URL('../isal.c', import.meta.url));
    try {
      execFileSync('cc', ['-O2', '-o', join(directory, 'isal'), source, '-lisal'], { stdio: 'inherit' });
      return new Isal(directory);
    } catch {
      rmSync(directory, { recursive: true });
      return undefined;
    }
  }

  /** Bytes of the sources in a second, the best slice of 2 ms; throws where a result is wrong. */
  measure(level: IsalLevel, { matrix, columns, length, offset }: IsalWork, milliseconds: number): number {
    const words = [level, columns, matrix.length / columns, length, offset, milliseconds].map(String);
    const hex = Buffer.from(matrix).toString('hex');
    return Number(execFileSync(join(this.directory, 'isal'), [...words, hex], { encoding: 'utf8' }));
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
