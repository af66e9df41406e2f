// What figures were measured on.
//
//   node benches/node/machine.mjs

import os from "node:os";

const cpus = os.cpus();
const gib = (os.totalmem() / 2 ** 30).toFixed(0);
console.log(
  `${cpus.length} cores of ${cpus[0]?.model.trim() ?? "an unknown kind"}, ${gib} GiB, ` +
    `${os.type()}, Node.js ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`,
);
