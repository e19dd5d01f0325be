import { defineConfig } from 'vite'
import manifest from './package.json' with { type: 'json' }

/**
 * What is shipped. The packages that package.json names as `dependencies` are installed beside it; all others are built
 * in, as are our own modules. Together they are a thousand small files: to find and read those takes longer than to run
 * what is in them.
 */
export default defineConfig({
  plugins: [
    {
      name: 'any-module',
      // Without package.json Node takes the program for CommonJS: it is to come as far as to say what is wrong.
      renderChunk: (code, { name }) => (name === 'bin' ? code.replace(/^export \{\s*\};?\n?$/m, '') : null),
    },
  ],
  build: {
    ssr: true,
    target: 'node20',
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: {
        bin: 'src/cli/bin.ts',
        index: 'src/index.ts',
        worker: 'src/engine/onnx/session/worker.ts',
        probe: 'src/engine/onnx/machine/probe.ts',
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
  ssr: {
    noExternal: true,
    external: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).filter(
      // It is a dependency for the types, and for rules that describe their options with it; to load it takes long.
      (name) => name !== 'zod',
    ),
  },
})
