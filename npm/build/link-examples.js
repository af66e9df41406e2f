// Lets examples that are built find the packages that are installed here.
import { rm, symlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../node_modules', import.meta.url));

// Made anew: the clone may have been moved. A junction needs no rights on Windows, and is a link elsewhere.
for (const example of ['browser', 'electron']) {
  const link = new URL(`../../examples/${example}/node_modules`, import.meta.url);
  await rm(link, { force: true });
  await symlink(packages, link, 'junction');
}
