import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildGraph, type OptionOverride, translatorType } from '../../src/graph/index.ts';
import { parseVolfile } from '../../src/volfile/index.ts';
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

/** For clients: nothing of a brick's own, and no type that glfs refuses. */
function isBuilt(text: string): boolean {
  try {
    return parseVolfile(text).nodes.every(
      ({ type }) => translatorType(type) !== undefined || type.startsWith('performance/'),
    );
  } catch {
    return false;
  }
}

describe("glusterd's own volfiles for clients", () => {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.vol'))
    .map((name) => ({ name, text: readFileSync(new URL(name, directory), 'utf8') }))
    .filter(({ text }) => isBuilt(text));

  it('are many', () => expect(files.length).toBeGreaterThan(20));

  it.each(files)('$name has no option that is unknown here', ({ text }) => {
    // There are no certificates here, and no server that the volfile came from.
    const warnings = warningsOf(text, [
      { pattern: '*-client*', key: 'transport.socket.ssl-enabled', value: 'off' },
      { pattern: '*-snapd-client', key: 'remote-host', value: 'h' },
    ]);
    expect(warnings.filter((details) => 'translator' in details && 'option' in details)).toEqual([]);
  });
});
