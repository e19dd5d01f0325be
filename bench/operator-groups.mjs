// The operators of a training step of the reference CNN, told apart by what the runtime's profile says of them. Pure.

/** By key, what people call them. */
export const GROUPS = {
  second_forward: 'second convolution, forward',
  second_input: 'second convolution, gradient of its input',
  second_kernels: 'second convolution, gradient of its kernels',
  first: 'first convolution, both ways',
  dense: 'dense layers, both ways, with their update',
  arithmetic: '`Max`, `Sub`, `Add`, `Relu`',
  masks: '`HardSigmoid`, `Mul` (masks of ReLUs and pools)',
  copies: '`Concat`, `Split`, `Pad`, `Transpose`, `Reshape`',
  sums: '`ReduceSum`, `MatMul` (sums of kernels and biases)',
  others: 'all else',
}

/** Those that their names tell apart. */
const OPERATORS = {
  dense: ['Gemm', 'FusedGemm'],
  arithmetic: ['Max', 'Sub', 'Add', 'Relu'],
  masks: ['HardSigmoid', 'Mul'],
  copies: ['Concat', 'Split', 'Pad', 'Transpose', 'Reshape'],
  sums: ['ReduceSum', 'MatMul'],
}

/** @param args what the profile says of an operator: shapes by element type, [{ float: [64, 1, 28, 28] }, …] */
export function groupOf({ op_name, input_type_shape }) {
  if (op_name !== 'Conv') return Object.keys(OPERATORS).find((group) => OPERATORS[group].includes(op_name)) ?? 'others'
  const [image, kernels] = input_type_shape.map((input) => Object.values(input)[0])
  if (`${kernels}` === '64,32,3,3') return 'second_forward'
  if (`${kernels}` === '32,64,3,3') return 'second_input'
  // Kernels of one channel are those of the first layer, or gradients as kernels: the second layer's see wide rows.
  return image.at(-1) > 29 ? 'second_kernels' : 'first'
}
