import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../src/errors.ts';
import { buildGraph, type Environment, registerTranslator, Translator } from '../../src/graph/index.ts';
import { silent } from '../../src/logger.ts';
import { parseVolfile } from '../../src/volfile/index.ts';

class Leaf extends Translator {}
class Above extends Translator {}

registerTranslator({ type: 'user/leaf', summary: 'x', options: {}, create: (setup) => new Leaf(setup) });
registerTranslator({ type: 'user/above', summary: 'x', options: {}, create: (setup) => new Above(setup) });

const warnings: object[] = [];
const environment: Environment = {
  logger: { ...silent, warn: (details) => void warnings.push(details) },
  volume: 'v',
  share: (_key, create) => create(),
};

function graphWith(type: string) {
  return buildGraph(
    parseVolfile(`
volume v-client-0 type user/leaf end-volume
volume v-skipped-0 type ${type} subvolumes v-client-0 end-volume
volume v type user/above subvolumes v-skipped-0 end-volume`),
    environment,
  );
}

describe('a translator type that glfs does not have', () => {
  it('is skipped when it is performance/, but its parent still knows the child by its name', () => {
    const { top } = graphWith('performance/unheard-of');
    const child = top.translator.children[0]!;
    // what trusted.glusterfs.dht.linkto holds when performance.parallel-readdir is on
    expect(child.name).toBe('v-skipped-0');
    expect(child.translator.name).toBe('v-client-0');
    expect(warnings).toContainEqual({ translator: 'v-skipped-0', type: 'performance/unheard-of' });
  });

  it.each(['cluster/x', 'features/x', 'protocol/x', 'encryption/x', 'user/x'])(
    '%s is refused by name',
    (type) => {
      expect(() => graphWith(type)).toThrow(GlfsError);
      expect(() => graphWith(type)).toThrow(type);
    },
  );
});
