/*
 * cluster/nufa: cluster/distribute whose new files go to the subvolume that is nearest, with a linkto file where their name
 * hashes to, so that everybody finds them.
 */
import { hostname, networkInterfaces } from 'node:os';
import type { Subvolume, TranslatorType } from '../../../graph/index.ts';
import { Distribute } from '../distribute/index.ts';
import { type DistributeOptions, options } from '../distribute/options.ts';
import { hashedPlacement, localPlacement } from '../distribute/placement.ts';

export const nufaType: TranslatorType<DistributeOptions> = {
  type: 'cluster/nufa',
  summary: 'cluster/distribute whose new files go to the nearest subvolume',
  options,
  create: (setup) =>
    new Distribute(setup, (state) => {
      const named = setup.options['local-volume-name'];
      const local = state.children.find((child) =>
        below(child).some((one) => (named === undefined ? isHere(one) : one.name === named)),
      );
      if (local !== undefined) return localPlacement(local);
      setup.environment.logger.warn(
        { translator: setup.name, wanted: named },
        'no subvolume is local: new files go to where their names hash to',
      );
      return hashedPlacement;
    }),
};

/** A subvolume and all that it stands on. */
function below(subvolume: Subvolume): Subvolume[] {
  return [subvolume, ...subvolume.translator.children.flatMap(below)];
}

/** A brick on this machine, by the name or address in the volfile. */
function isHere({ name, translator }: Subvolume): boolean {
  const host = (translator.options as Readonly<Record<string, unknown>>)['remote-host'];
  const here = hostname();
  if (name === here || host === here || host === 'localhost') return true;
  if (typeof host === 'string' && host.startsWith('127.')) return true;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(({ address }) => address === host);
}
