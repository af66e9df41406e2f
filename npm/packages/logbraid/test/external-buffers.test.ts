// Electron refuses ArrayBuffers over memory that is not V8's own. The addon gives the same answers where it is
// refused them: in a process in which what makes them returns `napi_no_external_buffers_allowed`, tests/cases pass.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ADDON = fileURLToPath(new URL('../../native/logbraid.node', import.meta.url));

const skip = process.platform !== 'linux' && 'symbols of the addon are renamed as Linux has them';

/** Functions of Node-API that make ArrayBuffers over memory of others. */
const MAKES_EXTERNAL = /(?<=\0)napi_create_external_(?:array)?buffer(?=\0)/g;

/** Another name of the same length, since Node's own functions go before those of any library. */
const renamed = (name: string) => name.replace('napi', 'none');

/** What the functions are, with their arguments left alone, and how often they were called. */
function library(names: string[]): string {
  const functions = names.map(
    (name) => `int ${renamed(name)}(void) { refused += 1; return NO_EXTERNAL_BUFFERS_ALLOWED; }`,
  );
  return `
    #include <stdio.h>
    #include <stdlib.h>
    enum { NO_EXTERNAL_BUFFERS_ALLOWED = 22 };
    static unsigned long refused;
    ${functions.join('\n')}
    __attribute__((destructor)) static void tell(void) {
      FILE *file = fopen(getenv("LOGBRAID_REFUSED"), "w");
      if (file) fprintf(file, "%lu", refused);
      if (file) fclose(file);
    }`;
}

test('the addon needs no external ArrayBuffers', { skip }, (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'logbraid-external-'));
  context.after(() => {
    rmSync(folder, { recursive: true });
  });
  const file = (name: string) => path.join(folder, name);
  const addon = readFileSync(ADDON, 'latin1');
  const names = [...new Set(addon.match(MAKES_EXTERNAL))];
  assert.ok(names.length > 0, 'the addon makes none: this test has had its day');
  writeFileSync(file('logbraid.node'), addon.replace(MAKES_EXTERNAL, renamed), 'latin1');
  writeFileSync(file('refuse.c'), library(names));
  execFileSync('cc', ['-shared', '-fPIC', '-o', file('refuse.so'), file('refuse.c')]);
  writeFileSync(
    file('instead.cjs'),
    `const { _extensions } = require('node:module');
    const load = _extensions['.node'];
    _extensions['.node'] = (module) => load(module, ${JSON.stringify(file('logbraid.node'))});`,
  );
  const cases = fileURLToPath(new URL('cases.test.js', import.meta.url));
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--require', file('instead.cjs'), cases],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: '',
        LD_PRELOAD: file('refuse.so'),
        LOGBRAID_REFUSED: file('refused'),
      },
    },
  );
  assert.equal(status, 0, stdout.slice(-4000));
  assert.match(stdout, /^# fail 0$/m);
  const [, passed] = /^# pass (\d+)$/m.exec(stdout) ?? [];
  const refused = Number(readFileSync(file('refused'), 'utf8'));
  assert.ok(refused > 0, 'nothing has been refused');
  context.diagnostic(
    `${String(passed)} tests of the cases passed, ${refused} external ArrayBuffers refused`,
  );
});
