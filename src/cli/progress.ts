import { SingleBar } from 'cli-progress';
import { roundSize } from './sizes.ts';

/** Nobody wants a bar for what is done at once. */
const DELAY = 500;
const NAME_COLUMNS = 30;

/**
 * A bar on the terminal for what takes long: bytes so far, of how many where that is known, how fast, how long still.
 * Appears after half a second and vanishes at the end, or while something is printed.
 */
export class Progress {
  private bar: SingleBar | undefined;
  private started: number | undefined;
  private done = 0;
  private total = 0;
  private files = 0;
  private name = '';
  /** All that is to come has been announced. */
  private complete = false;

  constructor(
    /** Undefined where standard error is no terminal, or nothing shall be shown. */
    private readonly stream: NodeJS.WritableStream | undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /** A file is begun. `size` in bytes, undefined where it can't be known; `only` if no other one follows. */
  file(name: string, size: number | undefined, only: boolean): void {
    if (this.stream === undefined) return;
    this.started ??= this.now();
    this.files++;
    this.name = name;
    this.total += size ?? 0;
    this.complete = only && size !== undefined;
  }

  readonly add = (bytes: number): void => {
    if (this.stream === undefined || this.started === undefined) return;
    this.done += bytes;
    if (this.now() - this.started >= DELAY) this.show(this.stream);
  };

  private show(stream: NodeJS.WritableStream): void {
    if (this.bar === undefined) {
      this.bar = new SingleBar({
        stream,
        format: (_options, params, payload) => lineOf(params.value, params.total, payload as Payload),
        clearOnComplete: true,
        hideCursor: true,
        fps: 8,
        forceRedraw: true,
        // Signals are ours to handle; the bar would end the process.
        gracefulExit: false,
      });
      this.bar.start(Math.max(this.total, this.done), this.done, this.payload());
    }
    this.bar.setTotal(Math.max(this.total, this.done));
    this.bar.update(this.done, this.payload());
  }

  private payload(): Payload {
    const elapsed = this.now() - (this.started ?? this.now());
    return {
      name: this.name,
      files: this.files,
      complete: this.complete,
      rate: this.done / Math.max(elapsed / 1000, 0.001),
    };
  }

  /** Takes the bar off the terminal; it comes back with the next bytes. */
  readonly hide = (): void => {
    this.bar?.stop();
    this.bar = undefined;
  };
}

interface Payload {
  readonly name: string;
  readonly files: number;
  readonly complete: boolean;
  /** Bytes a second. */
  readonly rate: number;
}

const BAR_COLUMNS = 24;

export function lineOf(done: number, total: number, { name, files, complete, rate }: Payload): string {
  const speed = `${roundSize(Math.round(rate))}/s`;
  const label = shorten(name.replace(/[\p{Cc}\p{Cs}]/gu, '?'));
  if (!complete) return `${label}  ${files > 1 ? `${files} files, ` : ''}${roundSize(done)}, ${speed}`;
  const share = total === 0 ? 1 : done / total;
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = `${'='.repeat(filled)}${' '.repeat(BAR_COLUMNS - filled)}`;
  const left = rate > 0 ? duration((total - done) / rate) : '?';
  return `${label} [${bar}] ${Math.floor(share * 100)}% ${roundSize(done)} of ${roundSize(total)}, ${speed}, ${left} left`;
}

/** The end of a long name tells more than its beginning. */
function shorten(name: string): string {
  return name.length <= NAME_COLUMNS ? name : `…${name.slice(1 - NAME_COLUMNS)}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${hours > 0 ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
