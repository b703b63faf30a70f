/**
 * Bits per dimension, -log2 P(x) / values. For binary values and for levels P is p(x), and the bits are a code length. For a density of grey
 * values in [0, 1] P is the density times the width of a grey level, 1/255, per value: p(x) 255^-values. This is not a probability and not a
 * code length: it can exceed 1, so the bits can be negative.
 */
import { WHITE } from '../data/levels.js'
import type { Likelihood } from '../models/likelihood.js'
import type { Estimate } from '../numeric/means.js'

const LEVEL_WIDTH = 1 / WHITE

/**
 * Bits per dimension from log p(x) in nats per image; lower is better.
 *
 * @example
 * const logPx = { mean: -543.4, standardError: 1, count: 100 } // nats per binary image of 784 pixels
 * console.log(bitsPerDimension(logPx, { pixels: 784, values: 'binary' }).mean.toFixed(3)) // 1.000
 */
export function bitsPerDimension(
  logPx: Estimate,
  { pixels, values }: { pixels: number; values: Likelihood['values'] },
): Estimate {
  const perPixel = logPx.mean / pixels + (values === 'density' ? Math.log(LEVEL_WIDTH) : 0)
  return { ...logPx, mean: -perPixel / Math.LN2, standardError: logPx.standardError / pixels / Math.LN2 }
}
