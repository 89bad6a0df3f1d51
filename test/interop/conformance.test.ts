import { allCases } from '../conformance/cases/index.ts';
import { differences } from '../conformance/differences.ts';
import { fuseMount, glusterd } from '../conformance/stacks/glusterd.ts';
import { conformance } from '../conformance/suite.ts';
import { attachPool } from '../helpers/attach.ts';

const pool = attachPool();
const listed = new Set(differences.map(({ name }) => name));

conformance(glusterd(pool));
// What the table lists, as GlusterFS's own client shows it: the table says that it is GlusterFS's.
conformance(
  fuseMount(pool),
  allCases.filter(({ name }) => listed.has(name)),
);
