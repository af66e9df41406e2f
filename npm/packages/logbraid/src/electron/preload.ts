// What runs in a window before its page does, apart from it: hands the page the port of its engine, and nothing else.
import { contextBridge, ipcRenderer } from 'electron';

import { BRIDGE, CONNECT, PORT } from './channels.js';
import type { Bridge } from './channels.js';

ipcRenderer.on(PORT, ({ ports }, id) => {
  // A port goes over no bridge. '/' is the page's own origin, whatever that is.
  window.postMessage({ type: PORT, id }, '/', ports);
});

const bridge: Bridge = {
  async connect(id) {
    await ipcRenderer.invoke(CONNECT, id);
  },
};
contextBridge.exposeInMainWorld(BRIDGE, bridge);
