import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fedunify } from '../support/command-line.ts'
import { SMALL_MODEL, workshop } from '../support/experiment.ts'

const { experiment, folder } = workshop()
const given = { env: 'H', rounds: 3, model: SMALL_MODEL, 'evaluate-every': 2 }
const disclosed = async (name: string, more: object = {}) => {
  const { code, out } = await fedunify(['disclose', experiment(name, { ...given, ...more }), '--json'])
  expect(code).toBe(0)
  const { entries, words } = JSON.parse(out) as { entries: Record<string, unknown>[]; words: string[] }
  return { entries: new Map(entries.map((entry) => [entry.kind, entry])), words: words.join('\n') }
}

it('counts what would leave an owner as the run then does', async () => {
  const { entries } = await disclosed('counted')
  const file = join(folder, 'counted.yaml')
  expect(await fedunify(['run', file, '--run-id', 'a', '--quiet', '--no-report'])).toMatchObject({ code: 0 })
  const lines = readFileSync(join(folder, 'results', 'counted', 'a', 'disclosure.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const of = (kind: string) => {
    const ofOwner = lines.map((line) => JSON.parse(line)).filter((line) => line.owner === 1 && line.kind === kind)
    const sum = (key: string) => ofOwner.reduce((all, line) => all + line[key], 0)
    return { messages: sum('messages'), bytes: sum('bytes') }
  }
  for (const kind of ['card', 'weights', 'update', 'evaluation']) {
    expect(entries.get(kind), kind).toMatchObject({ messages: of(kind).messages })
  }
  // The weights without the head of their file, about a kilobyte.
  const { bytes } = entries.get('weights') as { bytes: number }
  expect(of('weights').bytes - bytes).toBeGreaterThan(0)
  expect(of('weights').bytes - bytes).toBeLessThan(3 * 1024)
})

it('says what holds for this experiment, and not for another', async () => {
  const h = await disclosed('of-h')
  expect(h.words).toContain('Each of the two owners knows the update of the other: it is twice the mean less its own')
  expect(h.words).toMatch(/^Owner 1 alone has images of /m)
  expect(h.words).toContain('There is no noise')
  expect(h.entries.get('weights')).toMatchObject({ mechanism: '', readers: 'server, broker' })

  const v = await disclosed('of-v', { env: 'V', owners: 3, keep: 'owners' })
  expect(v.words).not.toMatch(/two owners|alone has/)
  expect(v.words).toContain("keeps every owner's update")
  expect(v.entries.get('kept')).toMatchObject({ messages: 3, readers: 'whoever gets the run folder' })

  const median = await disclosed('of-max', { merge: ['max'] })
  expect(median.words).not.toContain('knows the update of the other')
})

it('says what masks do, and what they leave open', async () => {
  const h = await disclosed('masked', { privacy: { masks: {} } })
  expect(h.words).toContain('Masks protect the two owners from the server alone: the sum less its own update')
  expect(h.words).toMatch(/^Owner 1 alone has .*shows one owner's part, in the sum too/m)
  expect(h.words).not.toMatch(/the other 1|test-seed/)
  expect([...h.entries.keys()]).not.toContain('weights')
  expect(h.entries.get('key')).toMatchObject({ messages: 3, readers: 'owners, server, broker' })
  expect(h.entries.get('masked')).toMatchObject({ messages: 3, readers: 'nobody; the server the sum of all' })
  const v = await disclosed('tolerant', {
    env: 'V',
    owners: 4,
    privacy: { masks: { threshold: 3 }, 'insecure-test-seed': 7 },
  })
  expect(v.words).toContain('Each owner can work out the sum of the other 3')
  expect(v.words).toContain('at least 3 of 4 owners')
  expect(v.words).toContain('Masks are drawn from insecure-test-seed 7: they protect nobody.')
  expect(v.entries.get('share')).toMatchObject({ tells: expect.stringContaining('a majority can unmask') })
})

it('has an entry for everything that a method sends beside the weights', async () => {
  const { entries } = await disclosed('general', { objective: { scaffold: { form: 'general' } } })
  expect(entries.get('weights')).toMatchObject({ what: 'its weights, and the change of its control variate' })
  expect(entries.get('instruction')).toMatchObject({ what: 'for scaffold', messages: 3 })
  const fitted = await disclosed('fitted', { head: { ridge: { random: 0 } } })
  expect(fitted.entries.get('statistics')).toMatchObject({ what: 'sums for the fitted head' })
  // Two rounds are evaluated, each with the rule's model and with the head's.
  expect(fitted.entries.get('evaluation')).toMatchObject({ messages: 4 })
  const masked = await disclosed('masked-fitted', { head: 'lda', privacy: { masks: {} } })
  expect(masked.entries.get('statistics')).toMatchObject({
    what: 'its masked sums for the fitted head',
    mechanism: 'masked sums',
    readers: 'nobody; the server the sum of all',
  })
  // Three updates, and sums in two rounds.
  expect(masked.entries.get('key')).toMatchObject({ messages: 5 })
  expect(masked.words).toContain("The head's sums are masked too, by keys of their own")
  expect(masked.words).toContain("Of such a class the head's sums show how many images that owner has")
})

it('prints paragraphs, or a table in Markdown', async () => {
  const file = experiment('forms', given)
  const { out } = await fedunify(['disclose', file])
  expect(out).toMatch(/^owner -> server: its weights, each round \(for one owner 3 messages, about [\d.]+ kB\)$/m)
  expect(out).toContain('protected by: nothing')
  expect((await fedunify(['disclose', file, '--md'])).out).toMatch(
    /^\| owner \| server \| its weights \| each round \| 3 \|/m,
  )
})

it('a dry run says the same of who learns what', async () => {
  const { out } = await fedunify(['run', experiment('dry', given), '--dry-run'])
  expect(out).toMatch(/with every owner on a machine of its own:\n- The server reads the weights of every owner/)
})

it('a report has the ledger, with what was counted', async () => {
  const file = experiment('page', given)
  expect(await fedunify(['run', file, '--run-id', 'a', '--quiet'])).toMatchObject({ code: 0 })
  const page = readFileSync(join(folder, 'results', 'page', 'a', 'report.html'), 'utf8')
  expect(page).toContain('What leaves whom')
  expect(page).toContain('counted (disclosure.jsonl)')
})
