/*
 * A translator of one's own: writes down who makes, changes and removes which files, and passes everything on. It is put
 * on top of the graph that the servers hand out.
 *
 *     npx tsx examples/audit-translator.ts gluster://HOST/VOLUME
 */
import {
  connect,
  type FopFunction,
  type FopName,
  fops,
  fromVolfile,
  type Loc,
  option,
  parseVolfile,
  printVolfile,
  registerTranslator,
  Translator,
} from 'glfs';

const options = {
  prefix: option.string('audit', { help: 'What every line begins with.' }),
};

/*
 * The promise: a line for every change that the bricks have confirmed. The failure that it hides: none.
 */
class Audit extends Translator<typeof options> {
  // Called for every fop when the graph is built. What is returned as it came costs nothing when it is called. (A
  // translator that changes one operation only defines a method of its name instead: `async unlink(request, context)`.)
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    if (fops[fop].traits.mutates !== true) return next;
    return async (request, context) => {
      const reply = await next(request, context);
      const { loc, fd } = request as { loc?: Loc; fd?: { inode: { toString(): string } } };
      const file = loc?.path ?? loc?.name ?? (loc?.inode ?? fd?.inode)?.toString() ?? '?';
      console.log(`${this.options.prefix}: uid ${context.uid} ${fop} ${file}`);
      return reply;
    };
  }
}

registerTranslator({
  type: 'user/audit',
  summary: 'Writes down every change.',
  options,
  create: (setup) => new Audit(setup),
});

const [url] = process.argv.slice(2);
if (url === undefined) {
  console.error('usage: audit-translator.ts gluster://HOST/VOLUME');
  process.exit(2);
}

/** The volfile of the volume, with the translator put on top. */
async function auditedVolfile(from: string): Promise<string> {
  await using plain = await connect(from);
  const { nodes, top } = parseVolfile(plain.volfile());
  const audit = {
    name: 'audit',
    type: 'user/audit',
    options: new Map([['prefix', plain.name]]),
    subvolumes: [top],
    line: 0,
  };
  return printVolfile({ nodes: [...nodes, audit], top: audit.name });
}

await using volume = await fromVolfile(await auditedVolfile(url));
await volume.writeFile('/audited.txt', 'seen\n');
await volume.chmod('/audited.txt', 0o600);
console.log((await volume.readFile('/audited.txt', { encoding: 'utf8' })).trim());
await volume.unlink('/audited.txt');
