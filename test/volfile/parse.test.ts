import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import { bricks, findNode, findNodes, parseVolfile, servers, VolfileError } from '../../src/volfile/index.ts';

const BRICK = `volume v-client-0
    type protocol/client
    option ping-timeout 42
    option remote-host 127.1.1.1
    option remote-subvolume /bricks/0
end-volume
`;

/** The text of one block above BRICK. */
function above(body: string, tail = 'end-volume'): string {
  return `${BRICK}volume top\n${body}\n${tail}\n`;
}

function optionsOf(body: string): Record<string, string> {
  const volfile = parseVolfile(above(`type debug/io-stats\n${body}\nsubvolumes v-client-0`));
  return Object.fromEntries(findNode(volfile, 'top')!.options);
}

function failure(text: string | Uint8Array, options = {}): VolfileError {
  try {
    parseVolfile(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(VolfileError);
    expect(error).toBeInstanceOf(GlfsError);
    return error as VolfileError;
  }
  throw new Error('parsed, though it must not');
}

describe('parseVolfile', () => {
  it('reads nodes in order, the last one is the top', () => {
    const volfile = parseVolfile(above('  type cluster/distribute\n  subvolumes v-client-0\n  option a b'));
    expect(volfile.top).toBe('top');
    expect(volfile.nodes.map((node) => [node.name, node.type, node.line])).toEqual([
      ['v-client-0', 'protocol/client', 1],
      ['top', 'cluster/distribute', 7],
    ]);
    expect(findNode(volfile, 'top')).toMatchObject({
      subvolumes: ['v-client-0'],
      options: new Map([['a', 'b']]),
    });
    expect(findNodes(volfile, 'protocol/client').map((node) => node.name)).toEqual(['v-client-0']);
    expect(findNode(volfile, 'nobody')).toBeUndefined();
  });

  it('takes options on both sides of subvolumes, and any white space', () => {
    const text = BRICK.replaceAll('\n', '\r\n');
    const volfile = parseVolfile(
      `${text}volume "top"\ttype\n\n a/b option x 1 subvolumes v-client-0\roption y 2 end-volume`,
    );
    expect([...findNode(volfile, 'top')!.options]).toEqual([
      ['x', '1'],
      ['y', '2'],
    ]);
  });

  it('accepts bytes', () => {
    const bytes = Buffer.concat([
      Buffer.from(`${BRICK}volume t\ntype a/b\noption p `),
      Buffer.from([0xff]),
      Buffer.from(' end-volume'),
    ]);
    expect(findNode(parseVolfile(bytes), 't')!.options.get('p')).toBe('\udcff');
  });

  // Each expectation was seen in the final graph that the glusterfs binary 10.3 logs for the same text.
  it.each([
    ['comment at the end of a line', 'option foo a # b "c', { foo: 'a' }],
    ['comment that looks like a statement', '# option foo a\noption bar b', { bar: 'b' }],
    ['carriage return in a comment', '# xx\r option foo a', {}],
    ['# inside a word', 'option foo a#b', { foo: 'a#b' }],
    ['quoted blanks', 'option foo "a  b\tc"', { foo: 'a  b\tc' }],
    ['quoted keyword', 'option "type" "end-volume"', { type: 'end-volume' }],
    ['quoted #', 'option foo "# no comment"', { foo: '# no comment' }],
    ['quote right after a word', 'option foo"x y"', { foo: 'x y' }],
    ['escapes have no meaning of their own', 'option foo "a\\n\\"\\\\\\t"', { foo: 'an"\\t' }],
    ['line end in quotes', 'option foo "a\nb"', { foo: 'ab' }],
    ['escaped line end in quotes', 'option foo "a\\\nb"', { foo: 'ab' }],
    ['escaped backquote', 'option foo "a\\`b"', { foo: 'a`b' }],
    ['line continuation', 'option foo \\\n  bar', { foo: 'bar' }],
    ['backslash outside quotes', 'option foo \\.abc', { foo: '.abc' }],
    ['vertical tab is no blank', 'option foo a\vb', { foo: 'a\vb' }],
    ['an option given twice', 'option foo 1\noption foo 2', { foo: '2' }],
    ['an empty value', 'option foo ""\noption bar x', { bar: 'x' }],
    ['keywords are lower case and whole words', 'option Type types', { Type: 'types' }],
  ])('%s', (_, body, expected) => {
    expect(optionsOf(body)).toEqual(expected);
  });

  it('warns of what is taken though it was hardly meant', () => {
    const warnings: string[] = [];
    const text = above('type a/b\noption x ""\noption y \\.1\noption y 2 \\\n\noption z 3');
    parseVolfile(text, {
      source: 'f.vol',
      onWarning: (problem, at) => warnings.push(`${at.line}:${at.column} ${problem}`),
    });
    expect(warnings).toEqual([
      "9:8 volume 'top': option 'x' without a value is left out",
      '10:10 a backslash outside quotes is dropped and ends the word',
      "11:8 volume 'top': option 'y' is given twice, the last one counts",
    ]);
  });

  const refusals: [string, number, number, string][] = [
    ['', 1, 1, 'no volume is defined'],
    [' # nothing\n\n', 3, 1, 'no volume is defined'],
    ['hello', 1, 1, "expected 'volume', found 'hello'"],
    ['"volume" a', 1, 1, "expected 'volume'"],
    [`${BRICK}end-volume`, 7, 1, "expected 'volume', found 'end-volume'"],
    ['volume', 1, 7, "'volume' needs a name"],
    ['volume type a/b', 1, 8, "'volume' needs a name, found 'type'"],
    ['volume ""', 1, 8, 'is empty'],
    [
      `${BRICK}volume v-client-0 type a/b end-volume`,
      7,
      8,
      "volume 'v-client-0' is defined again (first in line 1)",
    ],
    [above('type'), 9, 1, "'type' needs CATEGORY/NAME, found 'end-volume'"],
    [above('type a/b type c/d'), 8, 10, "a second 'type'"],
    [above('type a/b/c'), 8, 6, "type 'a/b/c' is not CATEGORY/NAME"],
    [above('type ../../evil'), 8, 6, 'is not CATEGORY/NAME'],
    [above(''), 9, 1, "volume 'top' has no type"],
    [above('option a b\ntype c/d'), 8, 1, "volume 'top' has no type"],
    [above('type a/b option'), 9, 1, "'option' needs a key and a value"],
    [above('type a/b option x\noption y 1'), 9, 1, "'option' needs a key and a value"],
    [
      above('type a/b\noption regex ^\\.x'),
      9,
      16,
      "found '.x' (a value with blanks or backslashes must be quoted)",
    ],
    [above('type a/b\noption x 1 2'), 9, 12, "found '2'"],
    [above('type a/b\nsubvolumes'), 10, 1, "'subvolumes' needs a name"],
    [above('type a/b\nsubvolumes v-client-0 ghost'), 9, 23, "subvolume 'ghost' is not defined"],
    [above('type a/b\nsubvolumes top'), 9, 12, "volume 'top': has itself as subvolume"],
    [above('type a/b\nsubvolumes v-client-0\n v-client-0'), 10, 2, 'listed twice'],
    [above('type a/b\nsubvolumes v-client-0\nsubvolumes v-client-0'), 10, 1, "a second 'subvolumes'"],
    [above('type a/b', ''), 10, 1, "'end-volume' is missing for volume 'top' of line 7"],
    [above('type a/b', 'volume x'), 9, 1, "'end-volume' is missing for volume 'top' of line 7"],
    [above('type a/b\noption x "abc\n'), 9, 10, 'the quote is never closed'],
    [above('type a/b\noption x "abc\\'), 9, 10, 'the quote is never closed'],
    ['volume a\n type `uname`', 2, 7, 'commands in backquotes are refused'],
    ['volume a\n # `uname`\n', 2, 4, 'commands in backquotes are refused'],
    ['volume a option x "\\\\`uname`"', 1, 22, 'commands in backquotes are refused'],
    ['volume a\n\0', 2, 1, 'NUL character'],
  ];
  it.each(refusals.map(([text, line, column, problem]) => ({ text, line, column, problem })))(
    'refuses with: $problem',
    ({ text, line, column, problem }) => {
      const error = failure(text, { source: 'my.vol' });
      expect(error.message).toContain(problem);
      expect(error.message).toContain(`my.vol:${line}:${column}: `);
      expect(error).toMatchObject({ code: 'EINVAL', source: 'my.vol', line, column });
    },
  );

  it('keeps messages short', () => {
    expect(failure('x'.repeat(1e6)).message.length).toBeLessThan(200);
  });

  it('has limits', () => {
    expect(failure(BRICK, { maxTokens: 10 })).toMatchObject({
      line: 5,
      column: 5,
      problem: 'more than 10 words',
    });
    expect(parseVolfile(BRICK, { maxTokens: 14 }).top).toBe('v-client-0');
    expect(failure(BRICK, { maxLength: 20 }).problem).toBe('longer than 20 characters');
    expect(failure(Buffer.from(BRICK), { maxLength: 20 }).problem).toBe('longer than 20 characters');
    expect(failure(' '.repeat(16 * 1024 * 1024 + 1)).problem).toContain('longer than');
  });

  it('errors keep their position when details are added', () => {
    const error = failure('volume', { source: 's' }).with({ syscall: 'connect' });
    expect(error).toMatchObject({ line: 1, column: 7, source: 's', syscall: 'connect', code: 'EINVAL' });
    expect(error.message).toContain("s:1:7: 'volume' needs a name");
  });
});

describe('bricks and servers', () => {
  const second = `volume two
    type protocol/client
    option remote-host 127.1.1.2
    option remote-port 49153
    option remote-subvolume /bricks/1
    option username u
    option password p
    option transport-type tcp
    option transport.socket.ssl-enabled On
end-volume
volume snapd
    type protocol/client
    option remote-subvolume snapd-v
end-volume
`;

  it('lists addresses', () => {
    expect(bricks(parseVolfile(BRICK + second))).toEqual([
      {
        name: 'v-client-0',
        host: '127.1.1.1',
        port: undefined,
        remoteSubvolume: '/bricks/0',
        username: undefined,
        password: undefined,
        transport: 'tcp',
        tls: false,
      },
      {
        name: 'two',
        host: '127.1.1.2',
        port: 49153,
        remoteSubvolume: '/bricks/1',
        username: 'u',
        password: 'p',
        transport: 'tcp',
        tls: true,
      },
      expect.objectContaining({ name: 'snapd', host: undefined, remoteSubvolume: 'snapd-v' }),
    ]);
  });

  it('lists each server once', () => {
    const text = BRICK + second + BRICK.replaceAll('client-0', 'client-9');
    expect(servers(parseVolfile(text))).toEqual(['127.1.1.1', '127.1.1.2']);
  });

  it.each(['0', '65536', '12x', '-1'])('refuses port %s', (port) => {
    const volfile = parseVolfile(second.replace('49153', port));
    expect(() => bricks(volfile)).toThrow(GlfsError);
    expect(() => bricks(volfile)).toThrow(`remote-port '${port}' is no port`);
  });

  it('refuses a client without remote-subvolume', () => {
    const volfile = parseVolfile(BRICK.replace('remote-subvolume', 'remote-subvolum'));
    expect(() => bricks(volfile)).toThrow("volume 'v-client-0' has no remote-subvolume");
  });
});
