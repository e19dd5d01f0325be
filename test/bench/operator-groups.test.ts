import { expect, test } from 'vitest'

// Plain JavaScript without types: named by a variable, so that the compiler does not look for them.
const module = new URL('../../bench/operator-groups.mjs', import.meta.url).href
const { groupOf } = await import(/* @vite-ignore */ module)

const args = (op_name: string, ...shapes: number[][]) => ({
  op_name,
  input_type_shape: shapes.map((float) => ({ float })),
})

test.each<[string, ReturnType<typeof args>]>([
  ['second_forward', args('Conv', [16, 32, 14, 14], [64, 32, 3, 3], [64])],
  ['second_input', args('Conv', [64, 64, 14, 14], [32, 64, 3, 3])],
  ['second_kernels', args('Conv', [2, 64, 14, 256], [4096, 1, 14, 14])],
  ['first', args('Conv', [64, 1, 28, 28], [32, 1, 3, 3], [32])],
  ['first', args('Conv', [1, 16, 29, 29], [512, 1, 14, 14], [1, 512, 3, 3])],
  ['dense', args('FusedGemm', [64, 3136], [128, 3136], [128])],
  ['copies', args('Split', [64, 3136], [4])],
  ['others', args('LogSoftmax', [64, 10])],
])('%s', (group, operator) => {
  expect(groupOf(operator)).toBe(group)
})
