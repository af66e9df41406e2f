// What the preload script needs of Electron.
declare module 'electron' {
  export const contextBridge: {
    exposeInMainWorld(name: string, api: object): void;
  };
  export const ipcRenderer: {
    invoke(channel: string, ...args: unknown[]): Promise<unknown>;
    on(
      channel: string,
      listener: (event: { ports: MessagePort[] }, ...args: unknown[]) => void,
    ): unknown;
  };
}
