import { UsageError } from './errors.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Half a Gregorian year, as ls counts it. */
const HALF_YEAR = 31_556_952_000 / 2;

const two = (value: number): string => String(value).padStart(2, '0');

/** `Nov 21 00:22`, or `Nov 21  2019` for what is older than half a year or in the future: ls -l in the C locale. */
export function listTime(milliseconds: number, now = Date.now()): string {
  const date = new Date(milliseconds);
  const day = `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)}`;
  const recent = milliseconds > now - HALF_YEAR && milliseconds <= now;
  return recent
    ? `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
    : `${day}  ${date.getFullYear()}`;
}

/** `2025-11-21 00:22:00.123456789 +0000`, in local time, as stat(1) shows it. */
export function statTime(nanoseconds: bigint): string {
  const { seconds, rest } = split(nanoseconds);
  const date = new Date(Number(seconds) * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${rest} ${zoneOf(date)}`;
}

/** ISO 8601 in UTC with nanoseconds; for programs. */
export function isoTime(nanoseconds: bigint): string {
  const { seconds, rest } = split(nanoseconds);
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -5)}.${rest}Z`;
}

function split(nanoseconds: bigint): { seconds: bigint; rest: string } {
  const rest = BigInt.asUintN(64, ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  return { seconds: (nanoseconds - rest) / 1_000_000_000n, rest: String(rest).padStart(9, '0') };
}

function zoneOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? '-' : '+';
  return `${sign}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
}

const DATE =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2}|UTC)?)?$/i;

/**
 * A point in time as `touch -d` takes it: `now`, `@SECONDS[.FRACTION]`, `YYYY-MM-DD[ hh:mm[:ss[.fraction]]][ zone]`
 * (local time without a zone), and whatever JavaScript's Date reads besides. Nanoseconds since the epoch.
 * @throws UsageError `invalid date format`
 */
export function parseTime(text: string, now = Date.now()): bigint {
  if (text.trim().toLowerCase() === 'now') return BigInt(now) * 1_000_000n;
  const epoch = /^@(-?\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (epoch !== null) return BigInt(epoch[1]!) * 1_000_000_000n + fraction(epoch[2]);
  const date = DATE.exec(text.trim());
  if (date !== null) {
    const [, year, month, day, hour = '00', minute = '00', second = '00', part, zone = ''] = date;
    const zoned = /^(Z|UTC)$/i.test(zone) ? 'Z' : zone.replace(/^([+-]\d{2}):?(\d{2})$/, '$1:$2');
    const milliseconds = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zoned}`);
    if (!Number.isNaN(milliseconds)) return BigInt(milliseconds) * 1_000_000n + fraction(part);
  }
  const other = date === null ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(other)) throw new UsageError(`invalid date format '${text}'`);
  return BigInt(other) * 1_000_000n;
}

function fraction(digits = ''): bigint {
  return BigInt(digits.padEnd(9, '0'));
}
