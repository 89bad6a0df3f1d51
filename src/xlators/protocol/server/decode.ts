import { GlfsError } from '../../../errors.ts';
import type { Dialect, Layout } from '../../../protocol/dialect.ts';
import type { Dict } from '../../../protocol/dict.ts';
import { targetFields } from '../../../protocol/fop-row.ts';
import { type FopName, fopNames, fops } from '../../../protocol/fops.ts';
import type { XdrReader } from '../../../xdr/index.ts';

/** A request as the wire has it: nothing of it is resolved yet. */
export interface WireRequest {
  /** All fields of the layout: those of the target too. */
  readonly fields: Record<string, unknown>;
  readonly xdata: Dict | undefined;
  /** WRITE: the raw bytes behind the xdata; a view of the record. */
  readonly payload: Uint8Array;
}

/** Fields of each fop that a translator gets as they are: neither the target nor what follows from others. */
const argumentNames: ReadonlyMap<FopName, readonly string[]> = new Map(
  fopNames.map((fop) => {
    const hidden: readonly string[] = [...targetFields[fops[fop].target], 'namelen'];
    const entryLock = fop === 'entrylk' || fop === 'fentrylk';
    const names = Object.keys(fops[fop].request.fields);
    return [fop, names.filter((name) => !hidden.includes(name) || (entryLock && name === 'namelen'))];
  }),
);

/**
 * Reads a request to the last byte.
 * @throws GlfsError EPROTO where it is not of the layout, or where something is left over.
 */
export function decodeRequest(
  reader: XdrReader,
  fop: FopName,
  layout: Layout,
  dialect: Dialect,
): WireRequest {
  const fields = layout.request.decode(reader);
  const xdata = dialect.dict.decode(reader);
  const at = reader.position;
  const payload = reader.bytes.subarray(at, reader.end);
  if (payload.length > 0 && fop !== 'write') {
    throw new GlfsError('EPROTO', `${fop}: ${payload.length} bytes left over`);
  }
  return { fields, xdata, payload };
}

/** The arguments of a request, for translators. */
export function argumentsOf(fop: FopName, { fields, xdata, payload }: WireRequest): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const name of argumentNames.get(fop)!) given[name] = fields[name];
  if (xdata !== undefined) given.xdata = xdata;
  if (fop === 'write') {
    // What came counts, whatever was announced.
    given.data = [payload];
    given.size = payload.length;
  }
  return given;
}
