export * from './parse.ts';
export * from './print.ts';
export * from './volfile.ts';
