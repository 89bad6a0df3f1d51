import { decodeText, encodeText } from '../xdr/index.ts';
import { UsageError } from './errors.ts';

export type Encoding = 'text' | 'hex' | 'base64';
export const encodings: readonly Encoding[] = ['text', 'hex', 'base64'];

/** A value as setfattr(1) takes it: `0x…` in hexadecimal, `0s…` in base64, anything else as it is. @throws UsageError */
export function parseValue(text: string): Uint8Array {
  if (/^0x/i.test(text)) {
    if (!/^0x(?:[0-9a-f]{2})*$/i.test(text)) throw new UsageError(`not hexadecimal: '${text}'`);
    return Buffer.from(text.slice(2), 'hex');
  }
  if (!/^0s/i.test(text)) return encodeText(text);
  const digits = text.slice(2);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(digits) || digits.length % 4 !== 0)
    throw new UsageError(`not base64: '${text}'`);
  return Buffer.from(digits, 'base64');
}

/** A value so that `parseValue` reads it back. Without an encoding: as text where it is printable, else in hexadecimal. */
export function showValue(value: Uint8Array, encoding?: Encoding): string {
  const bytes = Buffer.from(value);
  const kind = encoding ?? (isPrintable(bytes) ? 'text' : 'hex');
  if (kind === 'hex') return `0x${bytes.toString('hex')}`;
  return kind === 'base64' ? `0s${bytes.toString('base64')}` : decodeText(bytes);
}

function isPrintable(bytes: Buffer): boolean {
  const text = decodeText(bytes).replace(/[\t\n]/g, '');
  // What looks like another encoding would be taken for it.
  return !/[\p{Cc}\p{Cs}]/u.test(text) && !/^0[xs]/i.test(text);
}
