import { hostname, networkInterfaces } from 'node:os';
import type { Translator } from '../../../../graph/index.ts';
import { type ChildSet, childSet, indicesOf } from '../../children.ts';
import type { ReplicateState } from '../state.ts';

const preferences = new WeakMap<ReplicateState, readonly ChildSet[]>();

/** Sets of copies that go before all others, the first most: what options name, and what is on this host. */
export function preferredChildren(state: ReplicateState): readonly ChildSet[] {
  let found = preferences.get(state);
  if (found === undefined) {
    found = [namedChild(state), localChildren(state)];
    preferences.set(state, found);
  }
  return found;
}

function namedChild({ options, children }: ReplicateState): ChildSet {
  const named = children.findIndex(({ name }) => name === options['read-subvolume']);
  const index = named >= 0 ? named : options['read-subvolume-index'];
  return index >= 0 && index < children.length ? 1 << index : 0;
}

function localChildren(state: ReplicateState): ChildSet {
  if (!state.options['choose-local']) return 0;
  const here = namesOfThisHost();
  const isHere = (host: string): boolean => here.has(host) || host.startsWith('127.');
  return childSet(
    indicesOf(state.withData).filter((index) => {
      const hosts = hostsBelow(state.children[index]!.translator, state);
      return hosts.length > 0 && hosts.every(isHere);
    }),
  );
}

/** Hosts of the bricks below a translator. */
function hostsBelow(translator: Translator, state: ReplicateState): string[] {
  if (translator.children.length > 0) {
    return translator.children.flatMap((child) => hostsBelow(child.translator, state));
  }
  if (translator.type !== 'protocol/client') return [];
  const { 'remote-host': host } = translator.options as { readonly 'remote-host'?: string };
  const known = host ?? state.environment.connection?.volfileHost;
  return known === undefined ? [] : [known.toLowerCase()];
}

function namesOfThisHost(): ReadonlySet<string> {
  const found = new Set(['localhost', hostname().toLowerCase()]);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) found.add(address.toLowerCase());
  }
  return found;
}
