/** Published log p(x) of MNIST's test images, comparable with results on the same data and binarization. */
import { sourceName } from '../../data/dataset.js'
import type { Measuring } from './measuring.js'

interface Published {
  model: string
  /** Nats per image, by importance sampling. */
  logPx: number
  /** How the source binarized the images. */
  binarization: 'dynamic' | 'fixed sample'
  samples: number
  source: string
}

/** Samples of z per image, of every row. */
const SAMPLES = 5000

const BURDA = 'Burda et al. 2015'
const FIXED = 'Burda et al. 2015, appendix'

const published: readonly Published[] = [
  { model: 'VAE k=1', logPx: -86.76, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'VAE k=50', logPx: -86.35, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'IWAE k=5', logPx: -85.54, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'IWAE k=50', logPx: -84.78, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'VAE k=1, two layers of z', logPx: -85.33, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'VAE k=50, two layers of z', logPx: -84.78, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'IWAE k=5, two layers of z', logPx: -83.89, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'IWAE k=50, two layers of z', logPx: -82.9, binarization: 'dynamic', samples: SAMPLES, source: BURDA },
  { model: 'VAE k=1', logPx: -88.71, binarization: 'fixed sample', samples: SAMPLES, source: FIXED },
  { model: 'IWAE k=50', logPx: -87.1, binarization: 'fixed sample', samples: SAMPLES, source: FIXED },
]

export interface Evaluated {
  /** How the run's model reads images. */
  binarize: 'dynamic' | 'static' | 'none'
  /** Source of the images, as in `--data`. */
  source: string
  split: string
  /** Whether all images of the split were used. */
  whole: boolean
  /** How log p(x) was estimated. */
  method: 'importance' | 'ais' | 'quadrature'
  /** Draws of importance sampling, and the share of them from the prior. */
  samples: number
  defensive: number
  /** Whether the result is log p(x|y). */
  conditional?: boolean
}

/** The rows, each with the reason why it is not comparable with a result; null if it is. */
const comparedRows = (result: Evaluated): (Published & { incomparable: string | null })[] =>
  published.map(row => ({ ...row, incomparable: incomparable(row, result) }))

function incomparable({ binarization }: Published, result: Evaluated): string | null {
  const { binarize, source, split, whole, conditional } = result
  if (conditional) return 'log p(x), not log p(x|y)'
  if (source !== 'mnist') return `other data than ${sourceName(source)}`
  if (split !== 'test') return `test images, not ${split} ones`
  if (!whole) return 'all test images, not some'
  if (binarize === 'none') return 'binary pixels, not densities of values'
  // A static run thresholds, which gives easier images than one fixed Bernoulli draw of each, called static in the literature.
  if (binarization !== binarize) return `binarization: ${binarization}, not ${inWords(binarize)}`
  return null
}

const inWords = (binarize: string): string => (binarize === 'static' ? 'static (threshold 0.5)' : binarize)

/** The table as lines; a star marks the comparable rows. */
export function describePublished(result: Evaluated): string[] {
  const lines = comparedRows(result).map(({ model, logPx, binarization, samples, source, incomparable: why }) => {
    const cells = [model.padEnd(28), logPx.toFixed(2).padStart(7), `  ${binarization.padEnd(14)}`, `${samples} samples`]
    return `${why === null ? '*' : ' '} ${cells.join('')}  ${source}${why === null ? '' : ` (${why})`}`
  })
  const heading = 'published log p(x) of MNIST test images, nats/image; *: comparable with this result'
  return [heading, ...lines, ...describeOtherWork(result)]
}

/** How the estimator differs from the published one, so that a difference is not due to the model alone. */
function describeOtherWork({ method, samples, defensive }: Evaluated): string[] {
  if (method !== 'importance')
    return [
      `published by importance sampling with ${SAMPLES} samples, which underestimates log p(x); --method ${method} may give more for the same model`,
    ]
  const [change, effect] = samples < SAMPLES ? ['lower', 'against'] : ['higher', 'in favour of']
  return [
    ...(samples === SAMPLES
      ? []
      : [
          `published with ${SAMPLES} samples; ${samples} give a ${change} log p(x) for the same model, ${effect} this result`,
        ]),
    ...(defensive === 0
      ? []
      : [`published with all draws from q(z|x); --defensive ${defensive} gives another log p(x) for the same model`]),
  ]
}

/** Prints the table of `--reference` and returns its part of the JSON document. */
export function referenceOf(
  { trained, data, images, whole, reference, context }: Measuring,
  estimator: { method: Evaluated['method']; samples?: number; defensive?: number },
): { published?: ReturnType<typeof comparedRows> } {
  if (!reference) return {}
  const { reads: binarize, conditional = false } = trained.method.traits(trained.config)
  const result = {
    samples: SAMPLES,
    defensive: 0,
    ...estimator,
    binarize,
    source: data.source,
    split: images.name,
    whole,
    conditional,
  }
  for (const line of describePublished(result)) context.print(line)
  return { published: comparedRows(result) }
}
