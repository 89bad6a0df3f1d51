import { describe, expect, test } from 'vitest';
import { readOptions } from '../../../../src/graph/index.ts';
import { authenticate, isOfPool } from '../../../../src/xlators/protocol/server/authenticate.ts';
import { options } from '../../../../src/xlators/protocol/server/options.ts';

const BRICK = '/b';

function rules(given: Record<string, string>) {
  return readOptions(options, new Map(Object.entries(given)), 'server', (key) => {
    throw new Error(`unknown option ${key}`);
  });
}

interface Who {
  host?: string;
  username?: string;
  password?: string;
  commonName?: string;
  subdirectory?: string;
}

function credentials({ host = '10.0.0.7', subdirectory = '/', commonName, ...login }: Who) {
  return {
    subvolume: BRICK,
    subdirectory,
    peer: { address: `${host}:1000`, host, port: 1000, commonName },
    ...login,
  };
}

const allowed = (given: Record<string, string>, who: Who = {}): boolean =>
  authenticate(rules(given), credentials(who));

const allow = (value: string) => ({ [`auth.addr.${BRICK}.allow`]: value });
const reject = (value: string) => ({ [`auth.addr.${BRICK}.reject`]: value });

describe('addresses', () => {
  test.each([
    ['*', '10.0.0.7', true],
    ['10.0.0.7', '10.0.0.7', true],
    ['10.0.0.7', '10.0.0.77', false],
    ['10.0.0.*', '10.0.0.7', true],
    ['10.0.1.*', '10.0.0.7', false],
    ['10.0.0.?', '10.0.0.7', true],
    ['10.0.0.?', '10.0.0.77', false],
    ['10.0.0.[5-8]', '10.0.0.7', true],
    ['10.0.0.[!5-8]', '10.0.0.7', false],
    ['192.168.0.1,10.0.0.7', '10.0.0.7', true],
    ['192.168.0.1, 10.0.0.*', '10.0.0.7', true],
    ['10.0.0.0/8', '10.200.0.7', true],
    ['10.0.0.0/24', '10.0.1.7', false],
    ['10.0.0.0/33', '10.0.0.7', false],
    ['fd00::/16', 'fd00::9', true],
    ['10.0.0.0/8', 'fd00::9', false],
    ['localhost', '127.0.0.1', true],
    ['storage.example', '10.0.0.7', false],
    // A negation holds for all patterns behind it.
    ['!10.0.0.*', '10.0.0.7', false],
    ['!10.0.0.*', '10.0.1.7', true],
    ['!10.1.*,10.2.*', '10.2.0.1', true],
    ['', '10.0.0.7', false],
  ])('allow %j, from %s: %s', (list, host, expected) => {
    expect(allowed(allow(list), { host })).toBe(expected);
  });

  test('reject goes before allow', () => {
    expect(allowed({ ...allow('*'), ...reject('10.0.0.*') })).toBe(false);
    expect(allowed({ ...allow('*'), ...reject('10.0.1.*') })).toBe(true);
  });

  test('those of another brick say nothing, and nothing is no permission', () => {
    expect(allowed({ 'auth.addr./other.allow': '*' })).toBe(false);
    expect(allowed(reject('10.9.*'))).toBe(false);
  });

  test.each([
    ['/(10.0.0.*),/sub(192.168.*)', '/', '10.0.0.7', true],
    ['/(10.0.0.*),/sub(192.168.*)', '/sub', '10.0.0.7', false],
    ['/(10.0.0.*),/sub(192.168.*)', '/sub', '192.168.1.1', true],
    ['/(10.0.0.*),/sub(192.168.*|10.0.0.7)', '/sub', '10.0.0.7', true],
    ['/sub(10.0.0.*)', '/', '10.0.0.7', false],
    ['/sub(10.0.0.*)', '/subtle', '10.0.0.7', false],
    ['sub(10.0.0.*),/(10.0.0.*)', '/', '10.0.0.7', false],
    // A list without directories is about all of them.
    ['10.0.0.*', '/sub', '10.0.0.7', true],
  ])('directories: %j for %s from %s: %s', (list, subdirectory, host, expected) => {
    expect(allowed(allow(list), { subdirectory, host })).toBe(expected);
  });
});

describe('users', () => {
  const login = {
    [`auth.login.${BRICK}.allow`]: 'alice bob,c*',
    'auth.login.alice.password': 'pw',
    'auth.login.carl.password': 'x',
  };
  const alice = { username: 'alice', password: 'pw' };

  test.each([
    ['the right password', alice, true],
    ['a wrong one', { ...alice, password: 'pW' }, false],
    ['a pattern of the list', { username: 'carl', password: 'x' }, true],
    ['a listed user without password of his own', { username: 'bob', password: 'pw' }, false],
    ['nobody', {}, false],
    ['a user who is not on the list', { username: 'eve', password: 'pw' }, false],
  ])('%s: %s', (_what, who, expected) => {
    expect(allowed(login, who)).toBe(expected);
    expect(isOfPool(rules(login), credentials(who))).toBe(expected);
  });

  test('who is let in by address may come without a name, but not with a wrong password', () => {
    const both = { ...login, ...allow('*') };
    expect(allowed(both, {})).toBe(true);
    expect(allowed(both, { username: 'eve', password: 'pw' })).toBe(true);
    expect(allowed(both, { username: 'alice', password: 'no' })).toBe(false);
    expect(isOfPool(rules(both), credentials({}))).toBe(false);
  });

  test('strict-auth-accept wants a name and its password', () => {
    const strict = { ...login, ...allow('*'), 'strict-auth-accept': 'on' };
    expect(allowed(strict, {})).toBe(false);
    expect(allowed(strict, { username: 'alice' })).toBe(false);
    expect(allowed(strict, { username: 'eve', password: 'pw' })).toBe(false);
    expect(allowed(strict, alice)).toBe(true);
  });
});

describe('certificates', () => {
  const listed = { ...allow('*'), [`auth.login.${BRICK}.ssl-allow`]: 'server1,client*' };

  test.each([
    ['client7', true],
    ['server1', true],
    ['server2', false],
    ['', false],
  ])('common name %j: %s', (commonName, expected) => {
    expect(allowed(listed, { commonName })).toBe(expected);
  });

  test('a password does not help who is not on the list', () => {
    const both = { ...listed, [`auth.login.${BRICK}.allow`]: 'alice', 'auth.login.alice.password': 'pw' };
    expect(allowed(both, { commonName: 'server2', username: 'alice', password: 'pw' })).toBe(false);
  });

  test('without a list any certificate does', () => {
    expect(allowed(allow('*'), { commonName: 'anyone' })).toBe(true);
  });
});
