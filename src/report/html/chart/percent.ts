import { signed } from './figure.ts'
import type { ValueAxis } from './line-chart.ts'

type Texts = Pick<ValueAxis, 'text' | 'end'>

export const PERCENT_AXIS: Texts = {
  text: (tick) => (tick === 100 ? '100\u00a0%' : String(tick)),
  end: (value) => value.toFixed(2),
}

export const POINTS_AXIS: Texts = {
  text: (tick) => (tick === 0 ? '0' : signed(tick, Number.isInteger(tick) ? 0 : 1)),
  end: (value) => signed(value),
}

export const LOSS_AXIS: Texts = { text: (tick) => String(tick), end: (value) => value.toFixed(3) }
