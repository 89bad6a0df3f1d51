import { GlfsError } from '../../../errors.ts';
import type { Subvolume } from '../../../graph/index.ts';
import type { DistributeState } from './state.ts';

/**
 * Which subvolume a new file shall go to, given the one it hashes to. Where they differ, a linkto file on the hashed one
 * tells everybody. cluster/distribute takes the hashed one; cluster/nufa and cluster/switch have their own ideas.
 */
export interface PlacementPolicy {
  /** False: always the hashed one, and the path need not be found out. */
  readonly chooses: boolean;
  choose(hashed: Subvolume, path: string): Subvolume;
}

export const hashedPlacement: PlacementPolicy = { chooses: false, choose: (hashed) => hashed };

/** cluster/nufa: all new files on the subvolume that is nearest. */
export function localPlacement(local: Subvolume): PlacementPolicy {
  return { chooses: true, choose: () => local };
}

/** cluster/switch: by the first pattern that the path matches, in turn over the subvolumes named for it. */
export function patternPlacement(state: DistributeState, text: string): PlacementPolicy {
  const cases = parseCases(state, text);
  const turns = cases.map(() => 0);
  return {
    chooses: true,
    choose(hashed, path) {
      const index = cases.findIndex(({ pattern }) => pattern.test(path));
      if (index < 0) return hashed;
      const { children } = cases[index]!;
      if (children.includes(hashed)) return hashed;
      return children[turns[index]!++ % children.length]!;
    },
  };
}

interface Case {
  pattern: RegExp;
  children: Subvolume[];
}

/**
 * `*.jpg:sub-0,sub-1;*.txt:sub-2`: cases by `;`, each a shell pattern for the whole path and names of subvolumes. What no
 * case names takes all the rest. @throws GlfsError EINVAL
 */
function parseCases(state: DistributeState, text: string): Case[] {
  const invalid = (reason: string): GlfsError =>
    new GlfsError('EINVAL', `option pattern.switch.case: ${reason}`, { translator: state.name });
  const cases = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part): Case & { text: string } => {
      const colon = part.indexOf(':');
      if (colon <= 0) throw invalid(`'${part}' is not of the form pattern:subvolume,…`);
      const children = part
        .slice(colon + 1)
        .split(',')
        .filter((name) => name !== '')
        .map((name) => {
          const child = state.childNamed(name.trim());
          if (child === undefined) throw invalid(`no subvolume ${name}`);
          return child;
        });
      if (children.length === 0) throw invalid(`'${part}' names no subvolume`);
      return { text: part.slice(0, colon), pattern: shellPattern(part.slice(0, colon)), children };
    })
    .filter((entry) => entry.text !== '*');
  const named = new Set(cases.flatMap(({ children }) => children));
  const rest = state.children.filter((child) => !named.has(child));
  if (rest.length === 0) throw invalid('no subvolume is left for all other files');
  return [...cases, { pattern: /^/, children: rest }];
}

/** fnmatch(3) without FNM_PATHNAME and with FNM_NOESCAPE: `*` crosses slashes, a backslash is a backslash. */
function shellPattern(text: string): RegExp {
  const source = text.replace(/\[[!^]?\]?[^\]]*\]|[\s\S]/g, (token) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    if (token.length > 1) return token.replace(/^\[!/, '[^').replace(/\\/g, '\\\\');
    return token.replace(/[\\^$.|+()[\]{}/]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}
