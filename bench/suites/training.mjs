import { file, flags } from '../children.mjs'
import { machine } from '../machine.mjs'
import { LAYOUTS, torchCommand } from '../torch.mjs'
import { otherDetails, rateSeries, takeTurns } from '../turns.mjs'

/**
 * Floating-point operations of one step of the reference CNN, for each image. Forward: two for each weight of a
 * convolution at each of its places, and two for each weight of a dense layer; backward: as much for the gradients of
 * the weights, and for those of the inputs of all layers but the first.
 */
const FIRST = 2 * 28 * 28 * 32 * 9
const OTHERS = 2 * (14 * 14 * 64 * 32 * 9 + 3136 * 128 + 128 * 10)
const FLOP = 2 * FIRST + 3 * OTHERS

/** What is trained to see how fast it goes; images are each owner's. */
export const trainingSettings = (quick) => {
  const images = quick ? 3200 : 9600
  return { batch: 64, lr: 0.1, mean: 0.286, std: 0.353, images, 'warm-up': 1600 }
}

/** How fast owners train, beside PyTorch, on one core and on two. */
export const training = {
  name: 'training',
  about: 'images/s of training, blocked and standard layout, one and two owners, beside PyTorch',
  async measure(bench) {
    const settings = trainingSettings(bench.quick)
    const sides = [1, 2].flatMap((cores) => sidesOn(cores, settings, bench))
    const possible = sides.filter(({ key }) => bench.python || !key.startsWith('torch')).filter(bench.isWanted)
    const { measured, versions } = await takeTurns(possible, bench.times(7, 2), bench.note)
    const names = Object.fromEntries(sides.map(({ key, name }) => [key, `training: ${name}`]))
    const rates = rateSeries(names, measured)
    const gflops = measured.get('fedunify_blocked_1').rate.map((rate) => (rate * FLOP) / 1e9)
    return {
      versions,
      settings: { model: 'cnn', optimizer: 'sgd', ...settings, flop_per_image: FLOP },
      series: [
        ...rates,
        { key: 'gflops', name: 'training: fedunify blocked, 1 owner', unit: 'GFLOP/s', digits: 1, values: gflops },
        {
          key: 'share_of_peak',
          name: "training: fedunify blocked, share of the core's peak",
          unit: 'x',
          digits: 3,
          values: gflops.map((rate) => rate / bench.peak),
          target: shareOfPeak(),
        },
      ],
      ratios: [
        toTorch('nchw', 1, { atLeast: 2.2 }),
        toTorch('channels_last', 1, { atLeast: 1.5 }),
        toTorch('nchw', 2),
        toTorch('channels_last', 2),
        {
          key: 'blocked_to_standard',
          name: 'training: blocked / standard, 1 core',
          over: 'fedunify_blocked_1',
          under: 'fedunify_standard_1',
        },
        {
          key: 'two_owners_to_one',
          name: 'training: blocked, 2 owners on 2 cores / 1 on 1',
          over: 'fedunify_blocked_2',
          under: 'fedunify_blocked_1',
          target: { atLeast: 1.9 },
        },
      ],
      details: otherDetails(measured),
    }
  },
}

/** What must be reached of the peak, by who made the processor; nothing is known of others than these. */
function shareOfPeak() {
  const { cpu } = machine()
  if (/intel/i.test(cpu)) return { atLeast: 0.62 }
  return /amd/i.test(cpu) ? { atLeast: 0.68 } : undefined
}

/** One thread a core: owners in workers of one process, or processes of PyTorch. */
function sidesOn(cores, settings, { data, python, pin }) {
  const fedunify = (layout) => {
    const command = [process.execPath, file('fedunify-engine.mjs'), 'train']
    return {
      key: `fedunify_${layout}_${cores}`,
      name: `fedunify ${layout}, ${cores === 1 ? '1 owner' : `${cores} owners`}`,
      commands: [pin(cores, [...command, ...flags({ ...settings, data, layout, workers: cores })])],
    }
  }
  const torch = (layout) => ({
    key: `torch_${layout}_${cores}`,
    name: `PyTorch ${LAYOUTS[layout]}, ${cores === 1 ? '1 process' : `${cores} processes`}`,
    commands: Array.from({ length: cores }, (_, owner) =>
      pin(cores, torchCommand(python, 'train', { ...settings, data, layout, owner })),
    ),
  })
  return [fedunify('blocked'), torch('nchw'), fedunify('standard'), torch('channels_last')]
}

const toTorch = (layout, cores, target) => ({
  key: `blocked_to_torch_${layout}_${cores}`,
  name: `training: blocked / PyTorch ${LAYOUTS[layout]}, ${cores === 1 ? '1 core' : `${cores} cores`}`,
  over: `fedunify_blocked_${cores}`,
  under: `torch_${layout}_${cores}`,
  target,
})
