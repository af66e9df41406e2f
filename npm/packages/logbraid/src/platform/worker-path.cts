// CommonJS: where this file is, is the same from both builds.
import path = require('node:path');

/** The script of a Worker in Node. */
export = path.join(__dirname, 'node-worker.js');
