/** Published log p(x) of MNIST's test images, beside which a result may be put where data and binarization are the same. */
import type { RunConfig } from '../session.js'

interface Published {
  model: string
  /** Nats per image, by importance sampling. */
  logPx: number
  /** As the source made the images binary. */
  binarization: 'dynamic' | 'fixed sample'
  samples: number
  source: string
}

const BURDA = 'Burda et al. 2015'
const FIXED = 'Burda et al. 2015, appendix'

const published: readonly Published[] = [
  { model: 'VAE k=1', logPx: -86.76, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'VAE k=50', logPx: -86.35, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'IWAE k=5', logPx: -85.54, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'IWAE k=50', logPx: -84.78, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'VAE k=1, two layers of z', logPx: -85.33, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'VAE k=50, two layers of z', logPx: -84.78, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'IWAE k=5, two layers of z', logPx: -83.89, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'IWAE k=50, two layers of z', logPx: -82.9, binarization: 'dynamic', samples: 5000, source: BURDA },
  { model: 'VAE k=1', logPx: -88.71, binarization: 'fixed sample', samples: 5000, source: FIXED },
  { model: 'IWAE k=50', logPx: -87.1, binarization: 'fixed sample', samples: 5000, source: FIXED },
]

export interface Evaluated {
  config: RunConfig
  /** What the images are of, as `--data` says it. */
  source: string
  split: string
  /** Whether all images of the split were used. */
  whole: boolean
  /** Draws of importance sampling; null by another method. */
  samples: number | null
}

/** The rows, each with why it cannot be compared with a result; null where it can. */
export const comparedRows = (result: Evaluated): (Published & { incomparable: string | null })[] =>
  published.map(row => ({ ...row, incomparable: incomparable(row, result) }))

function incomparable({ binarization }: Published, { config, source, split, whole }: Evaluated): string | null {
  if (source !== 'mnist') return `other data than ${source}`
  if (split !== 'test') return `test images, not ${split} ones`
  if (!whole) return 'all test images, not some'
  if (config.binarize === 'none') return 'binary pixels, not densities of grey ones'
  // A static run thresholds: easier images than one fixed Bernoulli draw of each, which is what the literature calls static.
  if (binarization !== config.binarize) return `binarization: ${binarization}, not ${inWords(config.binarize)}`
  return null
}

const inWords = (binarize: string): string => (binarize === 'static' ? 'static (threshold 0.5)' : binarize)

/** The table as lines; a star marks what can be compared. */
export function describePublished(result: Evaluated): string[] {
  const lines = comparedRows(result).map(({ model, logPx, binarization, samples, source, incomparable: why }) => {
    const cells = [model.padEnd(28), logPx.toFixed(2).padStart(7), `  ${binarization.padEnd(14)}`, `${samples} samples`]
    return `${why === null ? '*' : ' '} ${cells.join('')}  ${source}${why === null ? '' : ` (${why})`}`
  })
  const fewer =
    result.samples !== null && result.samples < 5000
      ? [`published with 5000 samples; ${result.samples} give a lower log p(x) of the same model`]
      : []
  return ['published log p(x) of MNIST test images, nats/image; * can be compared with this result', ...lines, ...fewer]
}
