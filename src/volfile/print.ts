import { GlfsError } from '../errors.ts';
import { keywords, typePattern, type Volfile, type VolfileNode } from './volfile.ts';

const KEYWORDS: ReadonlySet<string> = new Set(keywords);

/**
 * The text of a volfile, in the shape in which glusterd writes it, but with quotes where a word needs them (glusterd
 * never quotes). `parseVolfile` reads the same model from it, apart from line numbers.
 * @throws GlfsError EINVAL for what the grammar cannot hold: empty names, keys and values, line ends and NUL in them, a
 *   type that is not CATEGORY/NAME, a subvolume that is not defined earlier or is listed twice, a name that is used
 *   twice, a top that is not the last node
 */
export function printVolfile(volfile: Volfile): string {
  const defined = new Set<string>();
  const blocks: string[] = [];
  for (const node of volfile.nodes) {
    if (defined.has(node.name)) throw refused(node, 'is defined twice');
    blocks.push(block(node, defined));
    defined.add(node.name);
  }
  const last = volfile.nodes.at(-1);
  if (last === undefined) throw new GlfsError('EINVAL', 'a volfile needs at least one volume');
  if (volfile.top !== last.name) throw refused(last, `is the last one, but the top is '${volfile.top}'`);
  return blocks.join('\n');
}

function block(node: VolfileNode, defined: ReadonlySet<string>): string {
  if (!typePattern.test(node.type))
    throw refused(node, `has the type '${node.type}', which is not CATEGORY/NAME`);
  const lines = [`volume ${word(node, node.name)}`, `    type ${word(node, node.type)}`];
  for (const [key, value] of node.options) lines.push(`    option ${word(node, key)} ${word(node, value)}`);
  if (node.subvolumes.length > 0) {
    const listed = new Set<string>();
    for (const name of node.subvolumes) {
      if (!defined.has(name))
        throw refused(node, `has the subvolume '${name}', which is not defined before it`);
      if (listed.has(name)) throw refused(node, `has the subvolume '${name}' twice`);
      listed.add(name);
    }
    lines.push(`    subvolumes ${[...listed].map((name) => word(node, name)).join(' ')}`);
  }
  lines.push('end-volume', '');
  return lines.join('\n');
}

function word(node: VolfileNode, text: string): string {
  if (text === '') throw refused(node, 'has an empty name, key or value');
  if (/[\n\0]/.test(text)) throw refused(node, `has a line end or NUL in ${JSON.stringify(text)}`);
  if (!KEYWORDS.has(text) && !text.startsWith('#') && !/[ \t\r"\\`]/.test(text)) return text;
  return `"${text.replace(/["\\`]/g, '\\$&')}"`;
}

function refused(node: VolfileNode, problem: string): GlfsError {
  return new GlfsError('EINVAL', `volume '${node.name}' ${problem}`, { translator: node.name });
}
