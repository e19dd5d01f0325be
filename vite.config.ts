import { defineConfig } from 'vite'

/**
 * What is shipped. The packages that package.json names as `dependencies` are installed beside it; the others, each of a
 * hundred small modules, are built in, as are our own modules: to find and read so many files takes longer than to run
 * what is in them.
 */
export default defineConfig({
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist/bundle',
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: { bin: 'src/cli/bin.ts', worker: 'src/engine/onnx/worker.ts', probe: 'src/engine/onnx/probe.ts' },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
  ssr: { noExternal: ['zod', 'onnx-buf', '@bufbuild/protobuf'] },
})
