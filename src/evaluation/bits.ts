/**
 * Bits per dimension, -log2 P(x) / pixels. Of binary pixels P is p(x). Of a density of grey values in [0, 1], P is the probability of the
 * 256 grey levels if each stands for a cell of width 1/255: p(x) 255^-pixels.
 */
import type { Estimate } from './statistics.js'

const LEVEL_WIDTH = 1 / 255

/** From log p(x) in nats per image; lower is better. */
export function bitsPerDimension(logPx: Estimate, { pixels, binary }: { pixels: number; binary: boolean }): Estimate {
  const perPixel = logPx.mean / pixels + (binary ? 0 : Math.log(LEVEL_WIDTH))
  return { ...logPx, mean: -perPixel / Math.LN2, standardError: logPx.standardError / pixels / Math.LN2 }
}
