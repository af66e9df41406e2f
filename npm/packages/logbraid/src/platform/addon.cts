// CommonJS: `require` is synchronous and the same from both builds.
export = function loadAddon(): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the only way to load an addon
  return require('../../../native/logbraid.node');
};
