// Which PyTorch is the anchor. Pure.

/**
 * A Python, and the PyTorch that it has: its version, and GFLOP/s of one product by its BLAS and by its convolutions.
 * @typedef {{ path: string, name: string, torch?: Torch }} Found
 * @typedef {{ blas: number, convolution: number, versions: { torch: string } }} Torch
 */

/**
 * The newest PyTorch that is a fair match; of equal ones the first. One with the reference BLAS is not: its dense layers
 * take more time than all the rest, some 20 times what they take with OpenBLAS or MKL.
 * @param {Found[]} found
 * @param {(text: string) => void} note told which it is, and why others are not
 * @returns {Found | undefined}
 */
export function newestFair(found, note) {
  for (const { name, torch } of found) {
    if (!torch) note(`${name} has no PyTorch`)
    else if (!isFair(torch)) note(`${name}: ${slowBlas(torch)}`)
  }
  const [newest, ...others] = found
    .filter(({ torch }) => torch && isFair(torch))
    .sort((a, b) => compareVersions(b.torch.versions.torch, a.torch.versions.torch))
  if (newest) note(`PyTorch ${newest.torch.versions.torch} of ${newest.name}${others.length > 0 ? ', the newest' : ''}`)
  return newest
}

const isFair = ({ blas, convolution }) => blas > convolution / 5

const slowBlas = ({ blas, convolution, versions }) =>
  `PyTorch ${versions.torch} has a slow BLAS (${blas.toFixed(0)} GFLOP/s, its convolutions ` +
  `${convolution.toFixed(0)}): that would flatter fedunify`

/** By their numbers: 2.9.1 is before 2.13.0+cpu, and 1.13.0a0 is 1.13.0. */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) =>
    version
      .split('+')[0]
      .split('.')
      .map((part) => Number.parseInt(part, 10)),
  )
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
