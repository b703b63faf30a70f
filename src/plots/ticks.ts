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
