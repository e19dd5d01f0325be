export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `b` over `a`; mappings are joined, everything else is replaced. Every key stays one, `__proto__` too. */
export function overlay(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const joined = new Map(Object.entries(a))
  for (const [key, value] of Object.entries(b)) {
    const under = joined.get(key)
    joined.set(key, isMapping(under) && isMapping(value) ? overlay(under, value) : value)
  }
  return Object.fromEntries(joined)
}

export const omit = (values: Readonly<Record<string, unknown>>, out: (key: string) => boolean) =>
  Object.fromEntries(Object.entries(values).filter(([key]) => !out(key)))
