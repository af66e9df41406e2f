// Lets examples that are built find the packages that are installed here.
import { rm, symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../node_modules', import.meta.url));
const link = fileURLToPath(new URL('../../examples/browser/node_modules', import.meta.url));

// Made anew: the clone may have been moved. A junction needs no rights on Windows, and is a link elsewhere.
await rm(link, { force: true });
await symlink(packages, link, 'junction');
