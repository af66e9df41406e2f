// For browsers and Workers: whoever loads it hands over the module.
export * from '../index.js';
