import { defineConfig } from 'vitest/config';

/** Tiers: unit (no server, no root), interop (real glusterd and bricks; root on Debian). */
export default defineConfig({
  test: {
    // How much of what reads strangers' bytes the unit tier has been through; printed by `npm test`.
    coverage: {
      provider: 'v8',
      include: [
        'src/xdr/**',
        'src/rpc/{credentials,record,message,pending,server-connection,xid-table}.ts',
        'src/protocol/{dialect,dict-serialized,dict-wire,handshake,messages}.ts',
        'src/volfile/**',
        'src/xlators/protocol/client/{callbacks,payload,wire}.ts',
        'src/xlators/protocol/server/{decode,dispatch,file-call,file-program,handshake,resolve}.ts',
      ],
      reporter: ['text'],
    },
    projects: [
      {
        test: {
          name: 'unit',
          // cluster/disperse is refused without (docs/decisions/0017).
          env: { GLFS_DISPERSE: 'on' },
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**'],
          testTimeout: 60_000,
          // By default one core would be left idle, and these machines have two.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'interop',
          env: { GLFS_DISPERSE: 'on' },
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          globalSetup: ['test/helpers/interop-setup.ts'],
        },
      },
    ],
  },
});
