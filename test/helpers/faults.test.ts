import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultProxy } from './faults.ts';
import { FragmentSplitter } from './sun-rpc-records.ts';
import { waitUntil } from './wait.ts';

const program = 1_298_437;

/** A CALL of a procedure with a body, in `fragments` fragments. */
function call(xid: number, procedure: number, body: Buffer, fragments = 1): Buffer {
  const head = Buffer.alloc(24);
  for (const [index, word] of [xid, 0, 2, program, 400, procedure].entries())
    head.writeUInt32BE(word, index * 4);
  const whole = Buffer.concat([head, body]);
  const size = Math.ceil(whole.length / fragments);
  return Buffer.concat(
    Array.from({ length: fragments }, (_, index) => {
      const part = whole.subarray(index * size, (index + 1) * size);
      const marker = Buffer.alloc(4);
      marker.writeUInt32BE((part.length | (index === fragments - 1 ? 0x80000000 : 0)) >>> 0);
      return Buffer.concat([marker, part]);
    }),
  );
}

function reply(xid: number, body: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32BE((0x80000000 | (8 + body.length)) >>> 0, 0);
  head.writeUInt32BE(xid, 4);
  head.writeUInt32BE(1, 8);
  return Buffer.concat([head, body]);
}

test('records are cut out of a stream at any place of division', () => {
  const stream = Buffer.concat([
    call(1, 12, Buffer.alloc(100, 1)),
    call(2, 13, Buffer.alloc(5000, 2), 3),
    reply(1, Buffer.alloc(7)),
  ]);
  for (const step of [1, 3, 4, 29, 1000, stream.length]) {
    const splitter = new FragmentSplitter();
    const seen = [];
    for (let at = 0; at < stream.length; at += step)
      seen.push(...splitter.push(stream.subarray(at, at + step)));
    expect(Buffer.concat(seen.map((part) => part.bytes))).toEqual(stream);
    expect(seen.map((part) => part.head && [part.head.xid, part.head.call, part.head.procedure])).toEqual([
      [1, true, 12],
      [2, true, 13],
      undefined,
      undefined,
      [1, false, 0],
    ]);
  }
});

describe('a fault proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  let client: Socket;
  let got: Buffer;
  let reachedServer: number;

  const dial = async () => {
    client = connect(proxy.port, proxy.host);
    got = Buffer.alloc(0);
    client.on('data', (data) => {
      got = Buffer.concat([got, data]);
    });
    client.on('error', () => undefined);
    await once(client, 'connect');
  };
  const received = (length: number) =>
    waitUntil(() => got.length >= length, { what: `${length} bytes`, everyMs: 2 });

  beforeEach(async () => {
    reachedServer = 0;
    // Answers every call with its procedure's number as body.
    server = createServer((socket) => {
      const splitter = new FragmentSplitter();
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        for (const { head } of splitter.push(data)) {
          if (!head) continue;
          reachedServer++;
          socket.write(reply(head.xid, Buffer.alloc(20, head.procedure)));
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.start({
      target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    });
    await dial();
  });

  afterEach(async () => {
    client.destroy();
    await proxy.close();
    server.close();
  });

  test('passes and counts calls, and their replies under the name of the call', async () => {
    client.write(Buffer.concat([call(1, 12, Buffer.alloc(9)), call(2, 13, Buffer.alloc(900), 4)]));
    await received(64);
    expect(got).toEqual(Buffer.concat([reply(1, Buffer.alloc(20, 12)), reply(2, Buffer.alloc(20, 13))]));
    expect(proxy.count('toServer')).toBe(2);
    expect(proxy.count('toServer', program, 13)).toBe(1);
    expect(proxy.count('toClient', program, 13)).toBe(1);
    expect(proxy.count('toClient', program, 14)).toBe(0);
  });

  test('drops single replies and puts others in their place', async () => {
    proxy.inspect = (head, direction) => {
      if (direction === 'toServer') return 'pass';
      if (head.procedure === 1) return 'drop';
      return head.procedure === 2 ? reply(head.xid, Buffer.from('forged!!')) : 'pass';
    };
    client.write(Buffer.concat([1, 2, 3].map((number) => call(number, number, Buffer.alloc(0)))));
    await received(20 + 32);
    expect(got).toEqual(Buffer.concat([reply(2, Buffer.from('forged!!')), reply(3, Buffer.alloc(20, 3))]));
    expect(reachedServer).toBe(3);
  });

  test('cuts before a call, or in the middle of a reply', async () => {
    proxy.inspect = (head) => (head.procedure === 5 ? 'cut' : 'pass');
    const closed = new Promise((done) => client.once('close', done));
    client.write(call(1, 5, Buffer.alloc(0)));
    await closed;
    expect(reachedServer).toBe(0);

    await dial();
    const torn = new Promise((done) => client.once('close', done));
    proxy.cut('mid-record');
    client.write(call(2, 6, Buffer.alloc(0)));
    await torn;
    expect(got).toEqual(reply(2, Buffer.alloc(20, 6)).subarray(0, 16));
    expect(reachedServer).toBe(1);
  });

  test('freezes one way and keeps what it held in order', async () => {
    proxy.freeze('toClient');
    client.write(Buffer.concat([1, 2, 3].map((number) => call(number, number, Buffer.alloc(0)))));
    await waitUntil(() => reachedServer === 3 && proxy.held === 1, {
      what: 'the calls to be made',
      everyMs: 2,
    });
    expect(got.length).toBe(0);
    proxy.thaw();
    await received(96);
    expect(got).toEqual(Buffer.concat([1, 2, 3].map((number) => reply(number, Buffer.alloc(20, number)))));
  });

  test('refuses new connections, leaves the old one, and listens again', async () => {
    proxy.refuse();
    const refused = connect(proxy.port, proxy.host);
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    client.write(call(1, 7, Buffer.alloc(0)));
    await received(32);
    await proxy.accepting();
    await dial();
    client.write(call(2, 8, Buffer.alloc(0)));
    await received(32);
    expect(proxy.connections).toEqual({ open: 2, accepted: 2 });
  });
});
