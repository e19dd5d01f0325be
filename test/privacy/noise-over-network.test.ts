import { describe, expect, it } from 'vitest'
import { resolveExperiment } from '../../src/config/resolve.ts'
import { takenFrom } from '../../src/owner/sent-experiment.ts'
import { openServer, type ServeSettings } from '../../src/serve/open-server.ts'

const owner = { level: 'owner', clip: 1, noise: 1 }

/** What a server says before it connects to anybody. */
async function refusal(privacy: object, minOwners?: number): Promise<string> {
  const values = { owners: 3, privacy }
  const experiment = resolveExperiment([{ kind: 'file', values, where: () => 'test' }])
  const settings = { experiment, minOwners } as ServeSettings
  return await openServer(settings).then(
    () => 'none',
    (error: Error) => error.message,
  )
}

describe('noise of owners on other machines', () => {
  it('an owner takes the noise that it is asked for, but no seed that the server knows', () => {
    expect(takenFrom({ privacy: owner, rounds: 2 })).toEqual({ privacy: owner, rounds: 2 })
    expect(() => takenFrom({ privacy: { ...owner, 'insecure-test-seed': 1 } })).toThrow(
      'the experiment draws masks and noise from insecure-test-seed, which the server knows',
    )
  })

  it.each([
    [{ ...owner, 'insecure-test-seed': 1 }, undefined, 'owners on other machines take no noise from a seed'],
    [{ ...owner, clip: { adaptive: {} } }, undefined, 'an adaptive clip goes by a count of owners'],
    [{ ...owner, 'noise-by': 'owners' }, 2, '--min-owners: noise of the owners is enough only if each of them adds'],
  ])('a server refuses what would not hold: %o', async (privacy, minOwners, why) => {
    expect(await refusal(privacy, minOwners)).toContain(why)
  })
})
