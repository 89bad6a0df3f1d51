import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativeKernels } from '../../src/native.ts';

/*
 * The package as its users get it: packed, installed into a project of its own, required, imported, type-checked and run.
 */

const root = resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const MINUTES = 60_000;

let project: string;
let installed: string;
let packed: string[];

const exec = promisify(execFile);
/** Runs a program in the user's project; rejects with its output where it fails. */
async function spawn(file: string, args: string[], cwd = project) {
  const { GLFS_SIMD: _, NODE_OPTIONS: __, ...env } = process.env;
  return exec(file, args, { cwd, env, maxBuffer: 1 << 26 });
}
async function run(file: string, args: string[], cwd = project): Promise<string> {
  const { stdout, stderr } = await spawn(file, args, cwd);
  return stdout + stderr;
}

/** Time of the youngest file below a folder, in milliseconds. */
function youngest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Math.max(...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

function isBuilt(): boolean {
  const main = join(root, 'dist/index.d.cts');
  return existsSync(main) && statSync(main).mtimeMs > youngest(join(root, 'src'));
}

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'glfs-package-'));
  if (!isBuilt()) await run('npm', ['run', 'build'], root);
  const report = await spawn(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', project],
    root,
  );
  const [pack] = JSON.parse(report.stdout) as [{ filename: string; files: { path: string }[] }];
  packed = pack.files.map(({ path }) => path);
  writeFileSync(join(project, 'package.json'), '{"name": "user", "private": true}');
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(project, pack.filename)]);
  installed = join(project, 'node_modules/glfs');
}, 5 * MINUTES);

afterAll(() => rmSync(project, { recursive: true, force: true }));

it('contains what is run and built, and nothing else', () => {
  expect(packed).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']));
  expect(packed).toEqual(
    expect.arrayContaining([
      ...['dist/index.js', 'dist/index.cjs', 'dist/index.d.ts', 'dist/cli.js'],
      ...['dist/testing.js', 'dist/testing.cjs', 'dist/testing.d.ts', 'dist/testing-brick.js'],
    ]),
  );
  expect(packed).toEqual(expect.arrayContaining(['native/install.mjs', 'native/CMakeLists.txt']));
  const others = packed.filter(
    (path) => !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.*|native\/.*)$/.test(path),
  );
  expect(others).toEqual([]);
  expect(packed.filter((path) => path.startsWith('native/build'))).toEqual([]);
});

describe(
  'both module systems',
  () => {
    const check = `
    if (typeof connect !== 'function' || !(new GlfsError('ENOENT') instanceof Error)) throw new Error('exports');
    if (!translatorTypes().some(({ type }) => type === 'cluster/distribute')) throw new Error('translators');
    console.log(simdLevel());`;
    const names = 'connect, GlfsError, simdLevel, translatorTypes';
    const programs = {
      'user.cjs': `const { ${names} } = require('glfs');${check}`,
      'user.mjs': `import { ${names} } from 'glfs';${check}`,
    };
    // Built at the installation wherever the checkout's own could be built.
    const best = [...nativeKernels().keys()].at(-1);

    it.each(Object.entries(programs))(
      '%s has the API, the translators and the addon',
      async (file, program) => {
        writeFileSync(join(project, file), program);
        const output = await run(process.execPath, [file]);
        if (best !== undefined) expect(output.trim()).toBe(best);
        else expect(output).toContain('typescript');
      },
    );

    it.each(Object.entries(programs))(
      '%s goes on without the addon, with one warning',
      async (file, program) => {
        const ending = file === 'user.cjs' ? 'index.cjs' : 'index.js';
        // A copy that has no native/ beside it.
        const text = `${program.replaceAll("'glfs'", `'./bare/dist/${ending}'`)} simdLevel();`;
        if (!existsSync(join(project, 'bare'))) await run('cp', ['-r', installed, join(project, 'bare')]);
        rmSync(join(project, 'bare/native'), { recursive: true, force: true });
        writeFileSync(join(project, file), text);
        const output = await run(process.execPath, [file]);
        expect(output).toContain('typescript');
        expect(output.match(/GlfsWarning/g)).toHaveLength(1);
      },
    );

    it.each(['user-of-testing.cjs', 'user-of-testing.mjs'])(
      '%s serves a volume, from its own process and from workers',
      async (file) => {
        const load = (names: string, from: string): string =>
          file.endsWith('.cjs') ? `const ${names} = require('${from}');` : `import ${names} from '${from}';`;
        const program = `
          ${load('{ connect, GlfsError }', 'glfs')}
          ${load('{ startCluster, GlfsError: Same }', 'glfs/testing').replace(
            'GlfsError: Same',
            file.endsWith('.cjs') ? 'GlfsError: Same' : 'GlfsError as Same',
          )}
          (async () => {
            if (Same !== GlfsError) throw new Error('two classes of errors');
            for (const bricks of ['process', 'workers']) {
              const cluster = await startCluster({ volumes: { demo: { type: 'distribute 2' } }, bricks });
              const volume = await connect(cluster.url('demo'));
              await volume.writeFile('/file', bricks);
              console.log(String(await volume.readFile('/file')));
              await volume.close();
              await cluster.stop();
            }
          })();`;
        writeFileSync(join(project, file), program);
        expect(await run(process.execPath, [file])).toBe('process\nworkers\n');
      },
    );

    it('the types serve both', async () => {
      const source = (how: string) => `
      ${how}
      async function first(): Promise<string> {
        await using volume: Volume = await connect('gluster://host/volume', { timeout: 1000 });
        const names: string[] = await volume.readdir('/');
        return names[0] ?? '';
      }
      async function failover(): Promise<number> {
        await using cluster: Cluster = await startCluster({ volumes: { demo: { type: 'disperse 4+2' } } });
        await cluster.bricks('demo')[0]?.kill();
        return cluster.port;
      }
      failover().catch(() => {});
      class Audit extends Translator {}
      const type: TranslatorType = { type: 'user/audit', summary: '', options: {}, create: (setup) => new Audit(setup) };
      registerTranslator(type);
      first().catch((error: unknown) => { if (error instanceof GlfsError) error.code satisfies string; });`;
      const all = 'connect, GlfsError, registerTranslator, Translator, type TranslatorType, type Volume';
      const imports = `import { ${all} } from 'glfs'; import { type Cluster, startCluster } from 'glfs/testing';`;
      writeFileSync(join(project, 'types.mts'), source(imports));
      writeFileSync(join(project, 'types.cts'), source(imports));
      const options = {
        compilerOptions: {
          module: 'NodeNext',
          target: 'ES2022',
          lib: ['ES2023', 'ESNext.Disposable'],
          strict: true,
          noEmit: true,
          types: ['node'],
          typeRoots: [join(root, 'node_modules/@types')],
        },
        files: ['types.mts', 'types.cts'],
      };
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(options));
      await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]);
    });
  },
  MINUTES,
);

it('npx glfs --version', async () => {
  const { stdout } = await spawn('npx', ['glfs', '--version']);
  expect(stdout.trim()).toBe(manifest.version);
});

describe('where code may not be made from strings', () => {
  let server: Server;
  let received = Buffer.alloc(0);

  beforeAll(async () => {
    // Takes a call and hangs up: enough to see that calls are encoded.
    server = createServer((socket: Socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        received = Buffer.concat([received, bytes]);
        socket.destroy();
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });

  afterAll(() => new Promise((done) => server.close(done)));

  it.each(['index.cjs', 'index.js'])('%s talks all the same', async (file) => {
    received = Buffer.alloc(0);
    const { port } = server.address() as { port: number };
    const program = `
      import { connect, isGlfsError } from './node_modules/glfs/dist/${file}';
      const error = await connect('gluster://127.0.0.1:${port}/some-volume', { rounds: 1 }).catch((error) => error);
      console.log(isGlfsError(error) ? error.code : error);`;
    writeFileSync(join(project, 'strict.mjs'), program);
    const output = await run(process.execPath, ['--disallow-code-generation-from-strings', 'strict.mjs']);
    expect(output.trim()).toMatch(/^E[A-Z]+$/);
    // Record mark, xid, CALL, RPC version 2.
    expect(received.length).toBeGreaterThan(40);
    expect(received.readUInt32BE(8)).toBe(0);
    expect(received.readUInt32BE(12)).toBe(2);
  });
});
