import { readFileSync } from 'node:fs'
import { builtinModules, isBuiltin } from 'node:module'
import glob from 'fast-glob'
import { expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

/** Of the packages that are built in: name to the text of its license. */
const LICENSES = new Map(
  readFileSync('dist/licenses.md', 'utf8')
    .split(/^## (?=\S+ - \d)/m)
    .slice(1)
    .map((section) => [section.split(' ')[0]!, section.slice(section.indexOf('\n')).trim()]),
)

/** What our modules import, by the name of its package. */
function imported(): Set<string> {
  const modules = glob.sync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'))
  const names = modules.flatMap((text) =>
    [...text.matchAll(/(?:^(?:import|export) (?!type )[^']*?from|^import|\bimport\() ?'([^'.][^']*)'/gm)].map(
      ([, name]) => name!,
    ),
  )
  return new Set(
    names.filter((name) => !isBuiltin(name) && !builtinModules.includes(name)).map((name) => packageOf(name)),
  )
}

const packageOf = (name: string) => /^(@[^/]+\/)?[^/]+/.exec(name)![0]

it('every package that is built in comes with the text of its license', () => {
  for (const [name, text] of LICENSES) expect(text.length, name).toBeGreaterThan(400)
  const beside = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
  beside.delete('zod')
  const builtIn = [...imported()].filter((name) => !beside.has(name) && !name.startsWith('@tensorflow/'))
  expect(builtIn).toEqual(
    expect.arrayContaining(['zod', 'yaml', 'd3-scale', 'hyparquet-writer', 'https-proxy-agent', 'onnx-buf']),
  )
  expect([...LICENSES.keys()]).toEqual(expect.arrayContaining(builtIn))
})

it('the Apache License asks for its own text, also of what comes without it', () => {
  expect(LICENSES.get('@bufbuild/protobuf')).toMatch(/Apache License\s+Version 2\.0, January 2004/)
  expect(LICENSES.get('@bufbuild/protobuf')).toContain('Copyright 2008 Google Inc.')
  expect(LICENSES.get('onnx-buf')).toContain('ONNX Project')
})
