// What tsc cannot say: that the files of the CommonJS build, inside an ES module package, are CommonJS.
// That makes them a package of their own, which has to say where its #platform is.
import { writeFileSync } from 'node:fs';

const folder = new URL('../packages/logbraid/dist/cjs/', import.meta.url);
const marks = { type: 'commonjs', imports: { '#platform': './platform/node.js' } };
writeFileSync(new URL('package.json', folder), `${JSON.stringify(marks)}\n`);
