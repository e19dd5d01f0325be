/**
 * (1 - p) min(w₁, …, w_K) + p max(w₁, …, w_K): a merge rule of one's own, in a file that nothing else belongs to.
 *
 *     fedunify run --owners 5 --merge avg,./my-rule.mjs:p=0.4
 */
export default {
  summary: 'a point between the smallest and the largest value of each weight',
  source: 'where the formula comes from: a paper, an equation',
  when: 'one line on when to use it',
  needs: 'each',
  options: {
    p: { type: 'number', min: 0, max: 1, default: 0.5, describe: '0 is the smallest value, 1 the largest' },
  },
  make: ({ p }) => {
    return (values, _owners, out) => {
      for (let i = 0; i < out.length; i++) {
        let low = values[0][i]
        let high = low
        for (const w of values) {
          // A NaN is taken, and kept: no comparison with it holds.
          if (w[i] < low || Number.isNaN(w[i])) low = w[i]
          if (w[i] > high || Number.isNaN(w[i])) high = w[i]
        }
        out[i] = (1 - p) * low + p * high
      }
    }
  },
}
