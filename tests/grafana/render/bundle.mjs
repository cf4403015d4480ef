// bundle.mjs OUTPUT: page.tsx and all that it needs as one script.

import { build } from 'esbuild';

const nothing = {
  name: 'what a browser has not',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(stream|tty|util|fs|path|os|crypto)$/ }, ({ path }) => ({
      path,
      namespace: 'nothing',
    }));
    onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {};' }));
  },
};

await build({
  entryPoints: [new URL('page.tsx', import.meta.url).pathname],
  bundle: true,
  outfile: process.argv[2],
  format: 'iife',
  platform: 'browser',
  mainFields: ['browser', 'module', 'main'],
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.svg': 'text', '.png': 'empty', '.woff2': 'empty', '.ttf': 'empty' },
  plugins: [nothing],
  logLevel: 'warning',
});
