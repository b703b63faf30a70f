/** The codes of the first images, which charts show. */
import type { ScatterSpec } from '../../plots/scatter-chart.js'
import type { Coded } from './arrays-of-codes.js'

/** Images that a chart shows. */
const MOST = 5000

/** Codes of some images: rows of means [images, width], and their classes where they have labels. */
export interface KeptCodes {
  mean: Float32Array
  width: number
  /** What `mean` holds. */
  meaning: string
  /** Whether there were more images. */
  isPart: boolean
  classes?: NonNullable<ScatterSpec['classes']>
}

/** Collects the first `most` rows of blocks of means [rows, width]; by default as many as a chart shows. */
export function keptCodes(
  { images, codes }: Coded,
  most = MOST,
): { add(mean: Float32Array): void; result(): KeptCodes } {
  const { meaning, widths } = codes
  const width = widths.mean
  const count = Math.min(most, images.count)
  const kept = new Float32Array(count * width)
  let filled = 0
  const { labels } = images
  return {
    add(mean) {
      const more = mean.subarray(0, kept.length - filled)
      kept.set(more, filled)
      filled += more.length
    },
    result: () => ({
      mean: kept.subarray(0, filled),
      width,
      meaning,
      isPart: count < images.count,
      ...(labels && { classes: { names: labels.names, values: labels.values.subarray(0, count) } }),
    }),
  }
}
