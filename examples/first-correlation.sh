#!/usr/bin/env bash
# From the packages, as they are published, to a first correlation: in an empty project, with no script of any package
# run, and with no program to be found but node and npm.
#
#     examples/first-correlation.sh                packs this clone, after cargo xtask build
#     examples/first-correlation.sh PACKAGE.tgz …  takes these packages
set -euo pipefail
clone=$(cd "$(dirname "$0")/.." && pwd)
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT

if [ $# -eq 0 ]; then
  node "$clone/npm/build/pack.js" "$project" > "$project/log"
  set -- "$project"/logbraid-{native,[0-9]}*.tgz
fi
packages=$(realpath "$@")
mkdir "$project/bin" "$project/empty" && cd "$project/empty"
for program in node npm; do ln -s "$(command -v $program)" "$project/bin/$program"; done
# Where a link is a copy, as on Windows, npm is not found by way of it.
[ -L "$project/bin/npm" ] && programs=$project/bin || programs=$PATH
echo "Rust: $(PATH=$programs command -v cargo rustc || echo none)"

SECONDS=0
echo '{ "private": true }' > package.json
PATH=$programs npm install --ignore-scripts --prefer-offline --no-audit --no-fund $packages
cat > first.mjs <<'JS'
import { CorrelationEngine } from 'logbraid';

const engine = new CorrelationEngine({ backend: 'native' });
const at = (second) => new Date(Date.UTC(2026, 10, 20, 21, 20, second));
engine.addAdapter('edge', [{ timestamp: at(9), message: 'GET /checkout', labels: { id: 'r1' } }]);
engine.addAdapter('app', [{ timestamp: at(8), message: 'payment refused', labels: { id: 'r1' } }]);
let found = 0;
for await (const c of engine.correlate('edge({})[5m] and on(id) app({})[5m]')) {
  found += 1;
  console.log(`${c.joinValue}: ${c.events.map(({ message }) => message).join(', ')}`);
}
if (found !== 1) {
  console.error(`1 correlation was expected, not ${found}`);
  process.exitCode = 1;
}
JS
PATH=$programs node first.mjs
echo "$SECONDS s from an empty project"
