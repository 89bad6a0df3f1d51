import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildGraph, type OptionOverride, type Subvolume, translatorType } from '../../src/graph/index.ts';
import { parseVolfile, type VolfileNode } from '../../src/volfile/index.ts';
import '../../src/xlators/index.ts';
import { recordingEnvironment } from '../helpers/recording-child.ts';

const directory = new URL('../vectors/volfiles/', import.meta.url);

/** Warnings of a volfile's graph, which is never started. */
function warningsOf(text: string, overrides: readonly OptionOverride[] = []): Record<string, unknown>[] {
  const environment = recordingEnvironment();
  buildGraph(parseVolfile(text), environment, overrides);
  return environment.lines.filter(({ level }) => level === 'warn').map(({ details }) => details);
}

const client = (name: string, options = '') =>
  `volume ${name} type protocol/client option remote-host h option remote-subvolume /b ${options} end-volume`;
const two = `${client('v-client-0')}
${client('v-client-1')}
volume v-dht type cluster/distribute subvolumes v-client-0 v-client-1 end-volume
volume v type debug/io-stats subvolumes v-dht end-volume`;

describe('options that nobody knows', () => {
  it('of the volfile are warnings that name translator and option', () => {
    const text = `${client('a', 'option remote-hots x')}`;
    expect(warningsOf(text)).toEqual([{ translator: 'a', type: 'protocol/client', option: 'remote-hots' }]);
  });

  it.each([
    ['v-client-9', 'ping-timeout', 'a pattern that no translator bears'],
    ['*-clint-*', 'ping-timeout', 'a wildcard that fits none'],
    ['v-dht', 'ping-timeout', 'a translator without the option'],
    ['*', 'pong-timeout', 'an option that none has'],
  ])('of the caller: %s.%s, %s', (pattern, key) => {
    expect(warningsOf(two, [{ pattern, key, value: '1' }])).toEqual([{ pattern, option: key }]);
  });

  it('a wildcard is in order where it hits one translator that has the option', () => {
    expect(warningsOf(two, [{ pattern: '*', key: 'ping-timeout', value: '7' }])).toEqual([]);
  });

  it('what the caller sets is what the translators get, the last one where several fit', () => {
    const environment = recordingEnvironment();
    const graph = buildGraph(parseVolfile(two), environment, [
      { pattern: 'v-client-?', key: 'ping-timeout', value: '7' },
      { pattern: '*-1', key: 'ping-timeout', value: '9' },
    ]);
    const distribute = graph.top.translator.children[0]!.translator;
    const options = distribute.children.map(
      ({ translator }) => translator.options as Record<string, unknown>,
    );
    expect(options.map((given) => given['ping-timeout'])).toEqual([7, 9]);
  });

  it('a value that does not parse fails the build', () => {
    const wrong = [{ pattern: 'v-client-0', key: 'ping-timeout', value: 'soon' }];
    expect(() => warningsOf(two, wrong)).toThrow(/option ping-timeout of v-client-0: 'soon'/);
  });
});

const replicated = (inner = '', client1 = '') => `${client('v-client-0')}
${client('v-client-1', client1)}
volume v-replicate-0 type cluster/replicate ${inner} subvolumes v-client-0 v-client-1 end-volume
${client('v-client-2')}
volume v-dht type cluster/distribute subvolumes v-replicate-0 v-client-2 end-volume
volume v type debug/io-stats subvolumes v-dht end-volume`;

describe('what a translator wants of those below it', () => {
  /** By name: the value of an option of all bricks' clients. */
  function valuesOf(text: string, key: string, overrides: readonly OptionOverride[] = []) {
    const values: Record<string, unknown> = {};
    const visit = ({ name, translator }: Subvolume): void => {
      if (translator.type === 'protocol/client')
        values[name] = (translator.options as Record<string, unknown>)[key];
      translator.children.forEach(visit);
    };
    visit(buildGraph(parseVolfile(text), recordingEnvironment(), overrides).top);
    return values;
  }

  const key = 'reconnect-grace';
  const usual = valuesOf(client('v-client-0'), key)['v-client-0'];

  it('is their default, and nobody else’s', () => {
    expect(usual).toBeGreaterThan(0);
    expect(valuesOf(replicated(), key)).toEqual({ 'v-client-0': 0, 'v-client-1': 0, 'v-client-2': usual });
  });

  it('reaches them through layers that know nothing of it', () => {
    const layered = `${client('v-client-0')} ${client('v-client-1')}
volume trace type debug/trace subvolumes v-client-1 end-volume
volume v-replicate-0 type cluster/replicate subvolumes v-client-0 trace end-volume`;
    expect(valuesOf(layered, key)).toEqual({ 'v-client-0': 0, 'v-client-1': 0 });
  });

  it('gives way to the volfile and to the caller', () => {
    const text = replicated('', `option ${key} 3`);
    expect(valuesOf(text, key)).toMatchObject({ 'v-client-0': 0, 'v-client-1': 3 });
    const caller = [{ pattern: '*-client-?', key, value: '7' }];
    expect(valuesOf(text, key, caller)).toEqual({ 'v-client-0': 7, 'v-client-1': 7, 'v-client-2': 7 });
  });

  it('causes no warning where a translator has no such option', () => {
    expect(warningsOf(replicated())).toEqual([]);
  });
});

/** For clients: nothing of a brick's own, and nothing that glfs refuses. */
function isBuilt(text: string): boolean {
  return nodesOf(text).every(
    ({ type, options, subvolumes }) =>
      (translatorType(type) !== undefined || type.startsWith('performance/')) &&
      !options.has('thin-arbiter') &&
      // The self-heal daemon puts all sets of copies below one layer that does nothing: it serves no files.
      !(type === 'debug/io-stats' && subvolumes.length > 1),
  );
}

function nodesOf(text: string): readonly VolfileNode[] {
  try {
    return parseVolfile(text).nodes;
  } catch {
    return [];
  }
}

describe("glusterd's own volfiles for clients", () => {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.vol'))
    .map((name) => ({ name, text: readFileSync(new URL(name, directory), 'utf8') }))
    .filter(({ text }) => nodesOf(text).length > 0);
  const built = files.filter(({ text }) => isBuilt(text));

  it('are many', () => expect(built.length).toBeGreaterThan(30));

  it.each(built)('$name has no option that is unknown here', ({ text }) => {
    // There are no certificates here, and no server that the volfile came from.
    const warnings = warningsOf(text, [
      { pattern: '*-client*', key: 'transport.socket.ssl-enabled', value: 'off' },
      { pattern: '*-snapd-client', key: 'remote-host', value: 'h' },
    ]);
    expect(warnings.filter((details) => 'translator' in details && 'option' in details)).toEqual([]);
  });

  const thin = files.filter(({ text }) => nodesOf(text).some(({ options }) => options.has('thin-arbiter')));

  it.each(thin)('$name is refused for its thin arbiter', ({ text }) => {
    const off = [{ pattern: '*-client*', key: 'transport.socket.ssl-enabled', value: 'off' }];
    expect(() => warningsOf(text, off)).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
  });

  it('some have a thin arbiter', () => expect(thin.length).toBeGreaterThan(0));
});
