import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { BY_REFERENCE, Outbox } from '../../src/rpc/outbox.ts';

/** Stands for a socket: each call of `writev` or `write` is what would be one system call. */
class FakeSocket extends Writable {
  readonly gathered: Buffer[][] = [];
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.gathered.push([chunk]);
    done();
  }
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.gathered.push(chunks.map(({ chunk }) => chunk));
    done();
  }
}

function outboxOf(): { socket: FakeSocket; outbox: Outbox } {
  const socket = new FakeSocket({ highWaterMark: 1 << 30 });
  return { socket, outbox: new Outbox(socket as unknown as Socket) };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function add(outbox: Outbox, text: string): void {
  const { buffer, at } = outbox.reserve(text.length);
  buffer.write(text, at, 'latin1');
}

describe('what is sent in one tick', () => {
  test('is one gathered write, in order, whatever its parts', async () => {
    const { socket, outbox } = outboxOf();
    const large = Buffer.alloc(BY_REFERENCE, 'L');
    let expected = '';
    for (let call = 0; call < 500; call++) {
      const header = `header ${call};`;
      add(outbox, header);
      expected += header;
      if (call % 3 === 0) {
        outbox.payload(Buffer.from('small'), true);
        expected += 'small';
      }
      if (call % 50 === 0) {
        outbox.payload(large, true);
        expected += large.toString();
      }
    }
    expect(socket.gathered).toEqual([]);
    await nextTurn();
    expect(socket.gathered).toHaveLength(1);
    expect(Buffer.concat(socket.gathered[0]!).equals(Buffer.from(expected))).toBe(true);
    // Large payloads are the callers' own memory.
    expect(socket.gathered[0]!.filter((part) => part.buffer === large.buffer)).toHaveLength(10);
  });

  test('of promises too that are settled in it; the next tick has a write of its own', async () => {
    const { socket, outbox } = outboxOf();
    add(outbox, 'a');
    await Promise.resolve();
    add(outbox, 'b');
    await nextTurn();
    add(outbox, 'c');
    await nextTurn();
    expect(socket.gathered.map((parts) => Buffer.concat(parts).toString())).toEqual(['ab', 'c']);
  });

  test('that is not stable is copied at once', async () => {
    const { socket, outbox } = outboxOf();
    const payload = Buffer.alloc(BY_REFERENCE * 2, 'x');
    outbox.payload(payload, false);
    payload.fill('y');
    await nextTurn();
    expect(Buffer.concat(socket.gathered[0]!).equals(Buffer.alloc(BY_REFERENCE * 2, 'x'))).toBe(true);
  });

  test('goes nowhere once it is closed', async () => {
    const { socket, outbox } = outboxOf();
    add(outbox, 'a');
    outbox.close();
    await nextTurn();
    expect(socket.gathered).toEqual([]);
  });
});
