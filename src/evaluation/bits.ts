/**
 * Bits per dimension, -log2 P(x) / pixels. Of binary pixels P is p(x). Of a density of grey values in [0, 1], P is the density times the
 * width of a grey level, 1/255 for each pixel: p(x) 255^-pixels. That is no probability and gives no length of a code: it can be above 1,
 * and the bits below 0.
 */
import { WHITE } from '../data/levels.js'
import type { Estimate } from '../numeric/means.js'

const LEVEL_WIDTH = 1 / WHITE

/** From log p(x) in nats per image; lower is better. */
export function bitsPerDimension(logPx: Estimate, { pixels, binary }: { pixels: number; binary: boolean }): Estimate {
  const perPixel = logPx.mean / pixels + (binary ? 0 : Math.log(LEVEL_WIDTH))
  return { ...logPx, mean: -perPixel / Math.LN2, standardError: logPx.standardError / pixels / Math.LN2 }
}
