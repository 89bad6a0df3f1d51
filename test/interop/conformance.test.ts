import { glusterd } from '../conformance/stacks/glusterd.ts';
import { conformance } from '../conformance/suite.ts';
import { attachPool } from '../helpers/attach.ts';

conformance(glusterd(attachPool()));
