/** Estimates in a terminal: a name, a mean, its standard error, a unit. */
import type { Estimate } from '../numeric/means.js'

/** `width` columns for the name; ± one standard error of the mean over images. */
export function describeEstimate(name: string, { mean, standardError }: Estimate, note = '', width = 16): string {
  return `${name.padEnd(width)}${mean.toFixed(3).padStart(9)} ± ${describeError(standardError, 3)}  nats/image${note}`
}

/** A standard error; 'unknown' for a single value. */
export const describeError = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? 'unknown' : value.toFixed(digits)
