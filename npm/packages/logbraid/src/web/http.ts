// What browsers load as `logbraid/http`.
export * from '../adapters/http.js';
