import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { translatorTypes } from '../src/graph/index.ts';
import '../src/xlators/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Floors from the ground up, as docs/architecture.md draws them. Folders side by side don't know of each other. */
const floors = [
  ['errors', 'errno', 'logger', 'abort', 'addon', 'native', 'syscalls', 'syscalls-fallback'],
  ['checksum', 'gf8', 'xdr'],
  ['rpc'],
  ['protocol'],
  ['volfile'],
  ['graph'],
  ['xlators'],
  ['api'],
  ['testing'],
  ['index'],
  ['cli'],
];

interface Source {
  /** Path below src/. */
  readonly path: string;
  readonly text: string;
}

const sources: readonly Source[] = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const file = join(entry.parentPath, entry.name);
    return { path: relative(join(root, 'src'), file), text: readFileSync(file, 'utf8') };
  });

/** Folder (or file) right below src/ that a path is in. */
function unitOf(path: string): string {
  return path.split('/')[0]!.replace(/\.ts$/, '');
}

function floorOf(path: string): number {
  return floors.findIndex((units) => units.includes(unitOf(path)));
}

/** What a source imports of src/, types and dynamic imports among them. */
function importsOf({ path, text }: Source): string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return specifiers.map((specifier) => join(dirname(path), specifier));
}

describe('the sources', () => {
  test('were found, all of them on a floor', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect([...new Set(sources.map(({ path }) => path))].filter((path) => floorOf(path) < 0)).toEqual([]);
    for (const units of floors)
      for (const unit of units)
        expect(
          sources.some(({ path }) => unitOf(path) === unit),
          unit,
        ).toBe(true);
  });

  test('import from their own floor or from below', () => {
    const paths = new Set(sources.map(({ path }) => path));
    let imports = 0;
    const upwards = sources.flatMap((source) =>
      importsOf(source)
        .filter((target) => paths.has(target) && ++imports > 0)
        .filter((target) =>
          unitOf(target) === unitOf(source.path) ? false : floorOf(target) > floorOf(source.path),
        )
        .map((target) => `${source.path} imports ${target}`),
    );
    expect(upwards).toEqual([]);
    expect(imports).toBeGreaterThan(sources.length);
  });

  test('are no longer than 400 lines each', () => {
    const long = sources.filter(({ text }) => text.split('\n').length > 400).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  test('have no default exports and no `any`', () => {
    const code = sources.map(({ path, text }) => ({ path, text: withoutComments(text) }));
    expect(code.filter(({ text }) => /\bexport\s+default\b|\bas\s+default\b/.test(text))).toEqual([]);
    const anything = /(?::|<|\bas|\||&|,)\s*any\b\s*(?:[;,)>=\]}|&[]|$)/m;
    expect(code.filter(({ text }) => anything.test(text)).map(({ path }) => path)).toEqual([]);
    expect(anything.test('const a: any = 1')).toBe(true);
    expect(anything.test('f<any>()')).toBe(true);
  });

  test('leave nothing for later', () => {
    const later = sources.filter(({ text }) => /\b(TODO|FIXME|XXX)\b/.test(text));
    expect(later.map(({ path }) => path)).toEqual([]);
  });
});

/** Without comments and the contents of strings in one line. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/(^|[^:])\/\/.*$/gm, '$1');
}

describe('the docs', () => {
  const translators = readFileSync(join(root, 'docs/translators.md'), 'utf8');
  const rows = new Map(
    [...translators.matchAll(/^\| ([\w-]+(?:\/[\w-]+)?)\b[^|]*\|[^|]*\| \*\*([\w-]+)\*\*/gm)].map((match) => [
      match[1]!,
      match[2]!,
    ]),
  );

  test.each(translatorTypes().map(({ type }) => type))('translators.md says what becomes of %s', (type) => {
    const said = rows.get(type);
    if (said !== undefined) expect(['built', 'pass-through']).toContain(said);
    else expect(translators).toMatch(new RegExp(`\\*\\*${type}\\*\\* \\((?:built|pass-through)`));
  });

  test('translators.md calls nothing built that is not', () => {
    const known = new Set(translatorTypes().map(({ type }) => type));
    const built = [...rows].filter(([, said]) => said === 'built' || said === 'pass-through');
    expect(built.length).toBeGreaterThan(10);
    expect(built.map(([type]) => type).filter((type) => !known.has(type))).toEqual([]);
  });

  test('architecture.md names the floors in their order', () => {
    const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const drawing = /```\n([\s\S]*?)```/.exec(text)![1]!;
    const order = ['cli', 'testing', 'api', 'xlators', 'graph', 'volfile', 'protocol', 'rpc', 'xdr'];
    const lines = [...drawing.matchAll(/^(\w+)\//gm)].map((match) => match[1]!);
    expect(lines.filter((line) => !['checksum', 'gf8'].includes(line))).toEqual(order);
  });
});
