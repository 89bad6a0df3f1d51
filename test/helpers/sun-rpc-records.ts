/** Head of a Sun RPC record, as far as a bystander can read it. */
export interface RecordHead {
  xid: number;
  /** True for a CALL, false for a REPLY. */
  call: boolean;
  /** Program, version and procedure: those of the call, for replies as well where the call was seen. */
  program: number;
  version: number;
  procedure: number;
}

/** One fragment with its marker; the first one of a record bears the head. */
export interface SeenFragment {
  head: RecordHead | undefined;
  /** Marker and body, to be sent on as they are. */
  bytes: Buffer;
}

/** Cuts a stream of record-marked fragments (u32: last-fragment bit and length) into single ones. */
export class FragmentSplitter {
  private chunks: Buffer[] = [];
  private size = 0;
  private inRecord = false;

  /** Adds bytes of the stream and returns the fragments that are whole now. */
  push(chunk: Buffer): SeenFragment[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    const whole: SeenFragment[] = [];
    while (this.size >= 4) {
      const marker = this.peek(4).readUInt32BE(0);
      const length = (marker & 0x7fffffff) + 4;
      if (this.size < length) break;
      const bytes = this.take(length);
      whole.push({ head: this.inRecord ? undefined : readHead(bytes), bytes });
      this.inRecord = marker >>> 31 === 0;
    }
    return whole;
  }

  private peek(length: number): Buffer {
    if ((this.chunks[0]?.length ?? 0) < length) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0] ?? Buffer.alloc(0);
  }

  private take(length: number): Buffer {
    const first = this.chunks[0];
    const all = first && first.length >= length ? first : Buffer.concat(this.chunks);
    const rest = all === first ? this.chunks.slice(1) : [];
    this.chunks = all.length > length ? [all.subarray(length), ...rest] : rest;
    this.size -= length;
    return all.subarray(0, length);
  }
}

/** CALL: xid, 0, rpc version 2, program, version, procedure. REPLY: xid, 1, … */
function readHead(fragment: Buffer): RecordHead | undefined {
  if (fragment.length < 12) return undefined;
  const call = fragment.readUInt32BE(8) === 0;
  const word = (index: number) => (call && fragment.length >= 28 ? fragment.readUInt32BE(4 + index * 4) : 0);
  return { xid: fragment.readUInt32BE(4), call, program: word(3), version: word(4), procedure: word(5) };
}
