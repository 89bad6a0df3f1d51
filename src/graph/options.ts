import { GlfsError } from '../errors.ts';

/** One option of a translator as data: how its text is read, what it means, and what it is when nobody sets it. */
export interface Option<T> {
  readonly kind: string;
  readonly default: T;
  readonly help: string;
  /** Other names of the same option. */
  readonly aliases?: readonly string[];
  /**
   * The option's name has a `*`, which stands for what the value is about (`auth.addr.*.allow`): its value is a map by that.
   * This adds one entry to it.
   */
  add?(values: T, about: string, text: string): T;
  /** @throws Error with what would have been right. */
  parse(text: string): T;
}

export type OptionSchema = Readonly<Record<string, Option<unknown>>>;
export type OptionValues<S extends OptionSchema> = {
  readonly [K in keyof S]: S[K] extends Option<infer T> ? T : never;
};

interface Common {
  help: string;
  aliases?: readonly string[];
}
interface Bounds {
  min?: number;
  max?: number;
}

const TRUE = /^(on|yes|true|enable|1)$/i;
const FALSE = /^(off|no|false|disable|0)$/i;

function parseBoolean(text: string): boolean {
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  throw new Error('a boolean (on, off) is expected');
}

function inBounds(
  value: number,
  { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: Bounds,
): number {
  if (!(value >= min && value <= max)) throw new Error(`a value from ${min} to ${max} is expected`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
  t: 2 ** 40,
  tb: 2 ** 40,
  p: 2 ** 50,
  pb: 2 ** 50,
};
const SECONDS: Readonly<Record<string, number>> = {
  '': 1,
  s: 1,
  sec: 1,
  secs: 1,
  m: 60,
  min: 60,
  mins: 60,
  h: 3600,
  hr: 3600,
  hrs: 3600,
  d: 86400,
  days: 86400,
  w: 604800,
  wk: 604800,
  wks: 604800,
};

function scaled(text: string, units: Readonly<Record<string, number>>, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match === null ? undefined : units[match[2]!.toLowerCase()];
  if (match === null || unit === undefined) throw new Error(`${what} is expected`);
  return Number(match[1]) * unit;
}

function parseNumber(text: string, pattern: RegExp, what: string): number {
  if (!pattern.test(text.trim())) throw new Error(`${what} is expected`);
  return Number(text.trim());
}

/** A size in bytes, or a share of the whole: `10%`, `10GB`. */
export interface PercentOrSize {
  readonly percent?: number;
  readonly bytes?: number;
}

/** Constructors of options, named for GlusterFS's option types. */
export const option = {
  boolean: (defaultValue: boolean, common: Common): Option<boolean> => ({
    kind: 'boolean',
    default: defaultValue,
    ...common,
    parse: parseBoolean,
  }),
  integer: (defaultValue: number, { min, max, ...common }: Common & Bounds): Option<number> => ({
    kind: 'integer',
    default: defaultValue,
    ...common,
    parse: (text) => inBounds(parseNumber(text, /^[-+]?\d+$/, 'an integer'), { min, max }),
  }),
  double: (defaultValue: number, { min, max, ...common }: Common & Bounds): Option<number> => ({
    kind: 'double',
    default: defaultValue,
    ...common,
    parse: (text) => inBounds(parseNumber(text, /^[-+]?\d+(\.\d+)?$/, 'a number'), { min, max }),
  }),
  /** Bytes; `64KB`, `1GB`: powers of 1024. */
  size: (defaultValue: number, { min, max, ...common }: Common & Bounds): Option<number> => ({
    kind: 'size',
    default: defaultValue,
    ...common,
    parse: (text) => inBounds(Math.floor(scaled(text, UNITS, 'a size such as 64KB')), { min, max }),
  }),
  /** Seconds; `5`, `10min`, `1d`. */
  time: (defaultValue: number, { min, max, ...common }: Common & Bounds): Option<number> => ({
    kind: 'time',
    default: defaultValue,
    ...common,
    parse: (text) => inBounds(scaled(text, SECONDS, 'a time such as 10 or 5min'), { min, max }),
  }),
  string: (defaultValue: string, common: Common): Option<string> => ({
    kind: 'string',
    default: defaultValue,
    ...common,
    parse: (text) => text,
  }),
  /** A string that may be absent. */
  optional: (common: Common): Option<string | undefined> => ({
    kind: 'string',
    default: undefined,
    ...common,
    parse: (text) => text,
  }),
  choice: <const V extends string>(defaultValue: V, values: readonly V[], common: Common): Option<V> => ({
    kind: values.join(' | '),
    default: defaultValue,
    ...common,
    parse: (text) => {
      const found = values.find((value) => value === text.toLowerCase());
      if (found === undefined) throw new Error(`one of ${values.join(', ')} is expected`);
      return found;
    },
  }),
  /** Strings by what stands for the `*` in the option's name. */
  keyed: (common: Common): Option<ReadonlyMap<string, string>> => ({
    kind: 'string',
    default: new Map(),
    ...common,
    parse: (text) => new Map([['*', text]]),
    add: (values, about, text) => new Map([...values, [about, text]]),
  }),
  percentOrSize: (defaultValue: PercentOrSize, common: Common): Option<PercentOrSize> => ({
    kind: 'percent or size',
    default: defaultValue,
    ...common,
    parse: (text) => {
      const percent = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim());
      // GlusterFS reads a bare number up to 100 as a percentage.
      if (percent !== null && (text.includes('%') || Number(percent[1]) <= 100)) {
        return { percent: inBounds(Number(percent[1]), { min: 0, max: 100 }) };
      }
      return { bytes: Math.floor(scaled(text, UNITS, 'a percentage or a size')) };
    },
  }),
};

/** The option with a `*` in its name that a key is of. */
function keyedOption(schema: OptionSchema, key: string): { name: string; about: string } | undefined {
  for (const [name, { add, aliases = [] }] of Object.entries(schema)) {
    if (add === undefined) continue;
    for (const pattern of [name, ...aliases]) {
      const [before, after] = pattern.split('*') as [string, string];
      if (key.length <= before.length + after.length || !key.startsWith(before) || !key.endsWith(after))
        continue;
      return { name, about: key.slice(before.length, key.length - after.length) };
    }
  }
  return undefined;
}

/**
 * Reads the options of one translator.
 * @throws GlfsError EINVAL for a value that is not of the option's kind. Unknown keys are handed to `unknown`.
 */
export function readOptions<S extends OptionSchema>(
  schema: S,
  given: ReadonlyMap<string, string>,
  translator: string,
  unknown: (key: string) => void,
): OptionValues<S> {
  const values: Record<string, unknown> = {};
  const canonical = new Map<string, string>();
  for (const [name, entry] of Object.entries(schema)) {
    values[name] = entry.default;
    for (const alias of [name, ...(entry.aliases ?? [])]) canonical.set(alias, name);
  }
  for (const [key, text] of given) {
    const keyed = canonical.has(key) ? undefined : keyedOption(schema, key);
    const name = keyed?.name ?? canonical.get(key);
    if (name === undefined) {
      unknown(key);
      continue;
    }
    try {
      const { add, parse } = schema[name]!;
      values[name] =
        keyed === undefined || add === undefined ? parse(text) : add(values[name], keyed.about, text);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GlfsError('EINVAL', `option ${key} of ${translator}: '${text}': ${reason}`, {
        translator,
        cause,
      });
    }
  }
  return values as OptionValues<S>;
}
