import { authNone, type Call } from '../../src/rpc/index.ts';
import { words } from './scripted-server.ts';

export const procedure = { program: 1298437, version: 400, procedure: 13 };

/** A call whose arguments are one number and whose result is the number of the reply's first word. */
export function numberCall(value: number, more: Partial<Call<number>> = {}): Call<number> {
  return {
    procedure,
    credential: authNone,
    arguments: words(value),
    lane: 'data',
    decode: (reader) => {
      const result = reader.u32();
      reader.take(reader.remaining);
      return result;
    },
    ...more,
  };
}

/**
 * A call whose reply is a READ's: u32 length of a head, that head, then raw bytes. What arrived of them is the result.
 */
export function bulkCall(
  into: Uint8Array | undefined,
  more: Partial<Call<Uint8Array>> = {},
): Call<Uint8Array> {
  return {
    procedure: { ...procedure, procedure: 12 },
    credential: authNone,
    arguments: words(1),
    lane: 'data',
    bulk: { frontMinimum: 4, headerLength: (result) => 4 + result.getUint32(0), into },
    decode: (reader, bulk) => {
      reader.take(reader.u32());
      reader.finish();
      return bulk ?? new Uint8Array(0);
    },
    ...more,
  };
}

/** Waits for an error and gives it back. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('the call succeeded');
}
