// Axis ticks at round values: multiples of 1, 2 or 5 times a power of ten.

/** Tick values in rising order, the step between them, and the text of a value at the step's precision. */
export interface Ticks {
  values: number[]
  step: number
  format: (value: number) => string
}

/** About `count` round ticks within [low, high], low < high; with `whole`, at whole numbers only. */
export function roundTicks(low: number, high: number, count: number, whole = false): Ticks {
  const rough = roundStep((high - low) / count)
  const step = whole ? Math.max(1, rough) : rough
  const first = Math.ceil(low / step)
  const length = Math.floor(high / step) - first + 1
  const values = Array.from({ length }, (_, index) => (first + index) * step)
  return { values, step, format: tickFormat(step, Math.max(Math.abs(low), Math.abs(high))) }
}

const DIGITS = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]]
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 4 })

/** At most about `count` ticks at round values within [10^low, 10^high], low < high. `values` are their decimal logarithms. */
export function logTicks(low: number, high: number, count: number): Omit<Ticks, 'step'> {
  const format = (exponent: number) => logFormat(10 ** exponent)
  const [all = [], ...sparser] = DIGITS.map(digits => decades(low, high, digits))
  if (all.length < 3) {
    const between = roundTicks(10 ** low, 10 ** high, count).values.filter(value => value > 0)
    return { values: between.map(Math.log10), format }
  }
  const few = [all, ...sparser].find(({ length }) => length <= count)
  const every = Math.ceil((high - low) / count)
  return { values: few ?? decades(low, high, [1]).filter(exponent => Math.round(exponent) % every === 0), format }
}

/** Decimal logarithms of `digits` times powers of ten within [low, high], in rising order. */
function decades(low: number, high: number, digits: readonly number[]): number[] {
  const powers = Array.from({ length: Math.floor(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i)
  const rounding = 1e-9
  return powers
    .flatMap(power => digits.map(digit => power + Math.log10(digit)))
    .filter(exponent => exponent >= low - rounding && exponent <= high + rounding)
}

/** Just below 1e-4, because a power of ten may be rounded to slightly less. */
const SMALL = 0.99e-4

const logFormat = (value: number): string =>
  value < SMALL ? properMinus(shortExponential(value)) : compact.format(value)

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find(candidate => candidate * power >= rough * 0.8) ?? 10
  return factor * power
}

function tickFormat(step: number, largest: number): (value: number) => string {
  if (step < 1e-4 || largest >= 1e7) return value => properMinus(shortExponential(value))
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const format = new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  // Adding 0 turns -0 into 0.
  return value => properMinus(format.format(Number(value.toFixed(digits)) + 0))
}

function shortExponential(value: number): string {
  return Number(value.toPrecision(6)).toExponential().replace('e+', 'e')
}

function properMinus(text: string): string {
  return text.replaceAll('-', '\u2212')
}
