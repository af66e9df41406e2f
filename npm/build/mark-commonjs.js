// What tsc cannot say: that the files of the CommonJS build, inside an ES module package, are CommonJS.
import { writeFileSync } from 'node:fs';

const folder = new URL('../packages/logbraid/dist/cjs/', import.meta.url);
writeFileSync(new URL('package.json', folder), '{ "type": "commonjs" }\n');
