// CommonJS: where this folder is, is told the same way in both builds.
export = __dirname;
