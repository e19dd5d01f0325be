import { file, flags } from '../children.mjs'
import { bestBatch, LAYOUTS, torchCommand } from '../torch.mjs'
import { otherDetails, rateSeries, takeTurns } from '../turns.mjs'

/** How fast a model is evaluated, beside PyTorch with the batch that suits it best. */
export const forward = {
  name: 'forward',
  about: 'images/s of evaluation by the engine, bookkeeping included, beside PyTorch',
  async measure({ quick, times, isWanted, data, python, pin, note }) {
    const settings = { images: 10_000, passes: quick ? 1 : 2, 'warm-up': 1600, mean: 0.286, std: 0.353 }
    const sides = ['blocked', 'standard'].map((layout) => ({
      key: `fedunify_${layout}`,
      name: `fedunify ${layout}`,
      commands: [
        pin(1, [process.execPath, file('fedunify-engine.mjs'), 'forward', ...flags({ ...settings, data, layout })]),
      ],
    }))
    const batches = {}
    for (const layout of python ? Object.keys(LAYOUTS) : []) {
      const tried = { ...settings, data, layout, images: 2000 }
      batches[layout] = await bestBatch(python, pin, tried)
      note(`PyTorch ${LAYOUTS[layout]} evaluates fastest with batches of ${batches[layout]}`)
      sides.push({
        key: `torch_${layout}`,
        name: `PyTorch ${LAYOUTS[layout]}`,
        commands: [pin(1, torchCommand(python, 'forward', { ...settings, data, layout, batch: batches[layout] }))],
      })
    }
    const { measured, versions } = await takeTurns(sides.filter(isWanted), times(7, 2), note)
    const names = {
      fedunify_blocked: 'forward: fedunify blocked',
      torch_nchw: 'forward: PyTorch NCHW',
      fedunify_standard: 'forward: fedunify standard',
      torch_channels_last: 'forward: PyTorch channels_last',
    }
    const toTorch = (layout, target) => ({
      key: `blocked_to_torch_${layout}`,
      name: `forward: blocked / PyTorch ${LAYOUTS[layout]}, 1 core`,
      over: 'fedunify_blocked',
      under: `torch_${layout}`,
      target,
    })
    return {
      versions,
      settings: { model: 'cnn', ...settings, torch_batch: batches },
      series: rateSeries(names, measured),
      ratios: [toTorch('nchw', { atLeast: 2.5 }), toTorch('channels_last', { atLeast: 2 })],
      details: otherDetails(measured),
    }
  },
}
