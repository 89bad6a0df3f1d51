import { encodeText } from '../xdr/index.ts';
import { ExitCode, Interrupted, OutputError } from './errors.ts';
import { codeOf, reasonOf } from './strerror.ts';

/** Where bytes go; resolves when they have been taken, so that a slow reader slows us down. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

const FLUSH_BYTES = 64 * 1024;

/**
 * Standard output: text, bytes, or with `--json` one array with a record for each thing. Kept together up to 64 KiB
 * where nobody watches; written in order, one write at a time.
 */
export class Output {
  private readonly pending: Uint8Array[] = [];
  private size = 0;
  private writing: Promise<void> = Promise.resolve();
  private records = 0;
  private isRaw = false;

  constructor(
    private readonly sink: Sink,
    /** Records are printed, lines are not. */
    readonly json: boolean,
    /** Columns of the terminal; undefined where standard output is none. */
    readonly terminal?: number,
  ) {}

  /** A line of text for people; nothing with `--json`. */
  line(text: string): Promise<void> {
    return this.json ? Promise.resolve() : this.bytes(encodeText(`${text}\n`));
  }

  /** A record for programs; nothing without `--json`. */
  record(record: object): Promise<void> {
    if (!this.json) return Promise.resolve();
    const opening = this.records++ === 0 ? '[\n' : ',\n';
    return this.bytes(Buffer.from(`${opening}${JSON.stringify(record)}`));
  }

  /** The contents of a file, with or without `--json`. */
  async raw(bytes: Uint8Array): Promise<void> {
    this.isRaw = true;
    await this.bytes(bytes);
    await this.flush();
  }

  /** Text that is no answer of a command: the help. */
  async print(text: string): Promise<void> {
    await this.raw(encodeText(text));
  }

  private async bytes(bytes: Uint8Array): Promise<void> {
    this.pending.push(bytes);
    this.size += bytes.length;
    if (this.size >= FLUSH_BYTES || this.terminal !== undefined) await this.flush();
  }

  async flush(): Promise<void> {
    const all = this.pending.splice(0);
    this.size = 0;
    if (all.length > 0) {
      const bytes = all.length === 1 ? all[0]! : Buffer.concat(all);
      const written = this.writing.then(() => this.write(bytes));
      // Whoever writes next is told as well; without this a failure nobody waits for would end the process.
      written.catch(() => {});
      this.writing = written;
    }
    await this.writing;
  }

  /** @throws Interrupted where nobody reads any more; OutputError */
  private async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.sink(bytes);
    } catch (error) {
      if (codeOf(error) === 'EPIPE') throw new Interrupted(ExitCode.brokenPipe);
      throw new OutputError(`write error: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Ends the array of records and writes what is left. */
  async finish(): Promise<void> {
    if (this.json && !this.isRaw) await this.bytes(Buffer.from(this.records === 0 ? '[]\n' : '\n]\n'));
    await this.flush();
  }
}
