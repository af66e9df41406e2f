// What Electron starts: main.
import * as electron from 'electron';

import { start } from './program.mjs';

start(electron);
