#!/usr/bin/env node
import { isatty, WriteStream } from 'node:tty';
import { connect } from '../api/connect/index.ts';
import { ExitCode, Interrupted } from './errors.ts';
import { run } from './run.ts';
import { descriptorSink } from './stdio.ts';

/** How long a signal lets calls that are under way come to their end. */
const PATIENCE = 2_000;
const signals = { SIGINT: ExitCode.interrupted, SIGTERM: ExitCode.terminated, SIGHUP: 129 } as const;

const ending = new AbortController();

/** The first signal ends the run cleanly, the second, or a server that doesn't answer, at once. */
for (const [name, status] of Object.entries(signals)) {
  process.on(name, () => {
    if (ending.signal.aborted) process.exit(status);
    ending.abort(new Interrupted(status));
    setTimeout(() => process.exit(status), PATIENCE).unref();
  });
}

async function* standardInput(): AsyncGenerator<Uint8Array> {
  const stop = (): void => void process.stdin.destroy();
  ending.signal.addEventListener('abort', stop);
  try {
    for await (const chunk of process.stdin) yield chunk as Buffer;
  } catch (error) {
    if (ending.signal.aborted) throw ending.signal.reason;
    throw error;
  } finally {
    ending.signal.removeEventListener('abort', stop);
    process.stdin.destroy();
  }
}

process.exitCode = await run({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: descriptorSink(1),
  stderr: (text) => void process.stderr.write(text),
  stdin: standardInput(),
  columns: isatty(1) ? (new WriteStream(1).columns ?? 80) : undefined,
  terminal: isatty(2) ? process.stderr : undefined,
  signal: ending.signal,
  umask: process.umask(),
  connect,
});
