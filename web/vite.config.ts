import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** The service puts the nonce of each answer in its place: `src/pages/built-pages.ts`. */
const NONCE_PLACE = '__NONCE__';

/** Smaller files gain nothing. */
const GZIP_FROM_BYTES = 1024;

/** Beside each asset the same by gzip, which the service sends to whoever takes it. */
function gzipped(): Plugin {
  return {
    name: 'gzipped',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          const plain = Buffer.from(file.type === 'chunk' ? file.code : file.source);
          if (fileName.endsWith('.html') || plain.length < GZIP_FROM_BYTES) continue;
          this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(plain, { level: 9 }) });
        }
      },
    },
  };
}

/** Nothing is painted before the script has run: it knows which colour scheme was chosen. */
function paintedWhenReady(): Plugin {
  return {
    name: 'painted-when-ready',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), gzipped(), paintedWhenReady()],
  resolve: { tsconfigPaths: true },
  html: { cspNonce: NONCE_PLACE },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // data: and inline scripts are what the content security policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 700,
  },
});
