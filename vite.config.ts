import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vite'
import manifest from './package.json' with { type: 'json' }

const LICENSES = 'licenses.md'

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
    {
      name: 'whole-licenses',
      // Packages that come without the text of their license: ours is shipped, or nothing is built.
      writeBundle({ dir }) {
        const file = join(dir!, LICENSES)
        const sections = readFileSync(file, 'utf8').split(/^(?=## \S+ - \d)/m)
        const whole = sections.map((section) => {
          const [, name, text] = /^## (\S+) .*\n([\s\S]*)$/.exec(section) ?? []
          if (name === undefined || text?.trim()) return section
          const own = new URL(`licenses/${name.replace('/', '+')}.txt`, import.meta.url)
          if (!existsSync(own)) this.error(`${name} comes without a license: put its text into ${own.pathname}`)
          return `${section.trimEnd()}\n\n${readFileSync(own, 'utf8').trim()}\n\n`
        })
        writeFileSync(file, whole.join(''))
      },
    },
  ],
  build: {
    ssr: true,
    target: 'node20',
    license: { fileName: LICENSES },
    rolldownOptions: {
      input: {
        bin: 'src/cli/bin.ts',
        index: 'src/index.ts',
        worker: 'src/engine/onnx/session/worker.ts',
        probe: 'src/engine/onnx/machine/probe.ts',
        'hash-thread': 'src/system/hash-thread.ts',
      },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        // Node opens all files that one imports at the same time, and a system may allow few: what a run needs of these is
        // one file, not a dozen.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'base', test: /src\/(errors|format|random|stats|visible)\.ts$/ },
            {
              name: 'system',
              test: /src\/system\/(text|shell-word|shared-path|refusal|digest|limits|flush|memory)\.ts$/,
            },
            { name: 'weights', test: /src\/weights\/(?!simd)/ },
            { name: 'privacy', test: /src\/privacy\/(?!accountant)/ },
          ],
        },
      },
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
