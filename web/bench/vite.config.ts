import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** Builds the chart demo as the app is built, so that figures are of production code. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  base: './',
  plugins: [svelte()],
  publicDir: false,
  build: {
    target: 'es2022',
    emptyOutDir: true,
    rolldownOptions: { input: 'src/charts/demo/index.html' },
  },
});
