import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The server answers every page address with index.html, at any depth and under any --root-path, and gives the page its
// <base href>. So every address in the built page is relative to that base, and one build serves every prefix.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    outDir: '../src/kiseki/server/static',
    emptyOutDir: true,
    target: 'es2022',
    // A data: or blob: address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    // What every page needs is one file: smaller than the thirty that it would be cut into, and one request.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'app', tags: ['$initial'] }] } } },
  },
  server: {
    port: 5173,
    proxy: {
      '/api': { target: process.env.KISEKI_SERVER ?? 'http://127.0.0.1:7500' },
      '/-': { target: process.env.KISEKI_SERVER ?? 'http://127.0.0.1:7500' },
    },
  },
  // A busy machine is slow, and that is no fault of what is tested.
  test: { include: ['src/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
});
