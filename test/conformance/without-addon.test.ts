import { expect, test, vi } from 'vitest';
import { hostSyscalls } from '../../src/syscalls.ts';
import { fallbackSyscalls } from '../../src/syscalls-fallback.ts';
import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

// The addon as on a host where it did not build.
vi.mock('../../src/addon.ts', () => ({
  loadAddon: () => ({ addon: undefined, reason: new Error('left out by a test') }),
}));

test('the host’s system calls are those of node:fs', () => {
  expect(hostSyscalls()).toBe(fallbackSyscalls);
});

conformance(
  local({
    name: 'posix, sidecar store, without the addon',
    posix: { 'attribute-store': 'sidecar' },
    small: true,
  }),
);
