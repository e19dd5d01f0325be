import { type MergeRule, mergeTensors } from './rule.ts'

/** Eq. 6 as printed. It drops every sign, so a merged network computes next to nothing: accuracy stays at chance. */
export const absmaxLiteral: MergeRule = {
  name: 'absmax-literal',
  summary: 'largest magnitude of each weight, the sign dropped as eq. 6 prints it',
  source: 'Lee 2021, eq. 6, as printed',
  streaming: true,
  merge: (owners) =>
    mergeTensors(owners, (values, out) => {
      for (const owner of values) {
        for (let i = 0; i < out.length; i++) out[i] = Math.max(out[i]!, Math.abs(owner[i]!))
      }
    }),
}
