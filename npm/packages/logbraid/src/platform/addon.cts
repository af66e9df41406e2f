// CommonJS: `require` is synchronous and the same from both builds.

/** The addon: of the package that npm has installed for this platform, or in a clone of the repository the built one. */
export = function loadAddon(platform: string): unknown {
  try {
    return load(`@logbraid/native-${platform}`);
  } catch (missing) {
    if ((missing as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw missing;
    try {
      return load('../../../native/logbraid.node');
    } catch (error) {
      // Users have no clone: what they lack is the package.
      const { code } = error as NodeJS.ErrnoException;
      throw code === 'MODULE_NOT_FOUND' ? missing : error;
    }
  }
};

function load(name: string): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the only way to load an addon
  return require(name);
}
