// Measures the figures of docs/performance.md and docs/electron.md anew: runs the command of each `sh` block that has an output below
// it, and writes that output. `cargo xtask figures` builds first.
//
//   node benches/node/figures.mjs [only commands that contain this text]

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { readMarkdown } from "../../npm/packages/logbraid/dist/test/markdown.js";
import { COMMAND, ROOT } from "./workload.mjs";

const [only = ""] = process.argv.slice(2);

for (const name of ["performance", "electron"]) {
  const page = fileURLToPath(new URL(`../../docs/${name}.md`, import.meta.url));
  const lines = readFileSync(page, "utf8").split("\n");
  const blocks = readMarkdown(lines.join("\n")).filter(
    ({ kind, language, output }) =>
      kind === "block" && language === "sh" && output,
  );
  // From the last, so that the places of those before stay.
  for (const { text, output } of blocks.toReversed()) {
    if (!text.includes(only)) continue;
    console.error(`$ ${text}`);
    const script = `logbraid() { "${process.execPath}" "${COMMAND}" "$@"; }\n${text}`;
    const printed = execFileSync("sh", ["-c", script], {
      cwd: ROOT,
      encoding: "utf8",
    });
    lines.splice(output.line, output.count, ...printed.trimEnd().split("\n"));
    writeFileSync(page, lines.join("\n"));
  }
}
