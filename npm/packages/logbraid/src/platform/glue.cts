// CommonJS: the same from both builds, and for bundlers.
export = function loadGlue(): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- it is built, not installed
  return require('../../../wasm/glue.cjs');
};
