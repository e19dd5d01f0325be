import { file, flags } from '../children.mjs'
import { otherDetails, rateSeries, takeTurns } from '../turns.mjs'

const SETTINGS = { batch: 512, lr: 0.1, mean: 0.286, std: 0.353 }
const NOISE = { clip: 1, noise: 1 }

const SIDES = ['cnn', 'cnn-small'].flatMap((model) =>
  ['blocked', 'standard'].flatMap((layout) =>
    ['plain', 'hidden'].map((kind) => ({
      key: `${model.replace('-', '_')}_${layout}_${kind}`,
      name: `dp: ${model}, ${layout}, ${kind === 'plain' ? 'plain training' : 'level record'}`,
      given: { model, layout, ...(kind === 'hidden' && NOISE) },
    })),
  ),
)

/** What it costs to clip the gradient of every image and to draw noise, beside plain training, on one core. */
export const dp = {
  name: 'dp',
  about: 'images/s of training at level record (DP-SGD) beside plain training, by model and layout',
  async measure({ quick, times, data, pin, note }) {
    const settings = { ...SETTINGS, images: quick ? 4096 : 16_384, 'warm-up': 2048 }
    const command = [process.execPath, file('fedunify-engine.mjs'), 'train']
    const sides = SIDES.map(({ key, name, given }) => ({
      key,
      name,
      commands: [pin(1, [...command, ...flags({ ...settings, data, ...given })])],
    }))
    const { measured, versions } = await takeTurns(sides, times(5, 2), note)
    const ratio = (model, layout) => {
      const key = `${model.replace('-', '_')}_${layout}`
      return {
        key: `${key}_hidden_to_plain`,
        name: `dp: ${model}, ${layout}, level record / plain`,
        over: `${key}_hidden`,
        under: `${key}_plain`,
      }
    }
    return {
      versions,
      settings: { optimizer: 'sgd', ...settings, ...NOISE },
      series: rateSeries(Object.fromEntries(SIDES.map(({ key, name }) => [key, name])), measured),
      ratios: ['cnn', 'cnn-small'].flatMap((model) => ['blocked', 'standard'].map((layout) => ratio(model, layout))),
      details: otherDetails(measured),
    }
  },
}
