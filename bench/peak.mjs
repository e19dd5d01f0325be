import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alone, file } from './children.mjs'

/**
 * The most that one core can do: fused multiply-adds counted by a C program, or, without a C compiler, the best rate of
 * onnxruntime's matrix product, below which the peak cannot be.
 * @returns GFLOP/s of each sample, and by what
 */
export async function peak(pin) {
  const dir = mkdtempSync(join(tmpdir(), 'fedunify-bench-'))
  const program = join(dir, 'fma-peak')
  try {
    const { status } = spawnSync('cc', ['-O3', '-march=native', file('fma-peak.c'), '-o', program], { stdio: 'ignore' })
    if (status === 0) {
      const { gflops, vector_bits } = await alone(pin(1, [program]))
      return { gflops, by: `FMA chains of ${vector_bits} bits (bench/fma-peak.c)` }
    }
    const { gflops } = await alone(pin(1, [process.execPath, file('sgemm.mjs')]))
    return { gflops, by: "onnxruntime's MatMul, a lower bound (no C compiler here)" }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
