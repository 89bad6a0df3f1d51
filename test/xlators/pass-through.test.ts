import { describe, expect, it } from 'vitest';
import { translatorType } from '../../src/graph/index.ts';
import { fopNames } from '../../src/protocol/fops.ts';
import '../../src/xlators/index.ts';
import { RecordingChild, translatorOver } from '../helpers/recording-child.ts';

describe.each([
  ['performance/io-threads', { 'thread-count': '16', 'enable-least-priority': 'on' }],
  ['features/namespace', { 'tag-namespaces': 'on' }],
  ['meta', {}],
])('%s', (name, options) => {
  it("passes: every fop is its child's own function", () => {
    const child = new RecordingChild();
    const type = translatorType(name);
    expect(type, 'is registered').toBeDefined();
    const volume = translatorOver(type!, [child], options as Record<string, string>);
    for (const fop of fopNames) expect(volume[fop]).toBe(child.subvolume[fop]);
  });
});
