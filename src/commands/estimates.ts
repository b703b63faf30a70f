/** Estimates in a terminal: a name, a mean, its standard error, a unit. */
import type { Traits } from '../methods/method.js'
import type { Estimate } from '../numeric/means.js'

/** `width` columns for the name; ± one standard error of the mean over images. */
export function describeEstimate(name: string, { mean, standardError }: Estimate, note = '', width = 16): string {
  return `${name.padEnd(width)}${mean.toFixed(3).padStart(9)} ± ${describeError(standardError, 3)}  nats/image${note}`
}

/** A standard error; 'unknown' for a single value. */
export const describeError = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? 'unknown' : value.toFixed(digits)

export type LogPxName = 'log p(x)' | 'log p(x|y)'

/** What a model gives the density of: images, or images given their labels y. */
export const logPxName = ({ conditional }: Pick<Traits, 'conditional'>): LogPxName =>
  conditional ? 'log p(x|y)' : 'log p(x)'
