/** What `elbo score` prints, and its CSV. */
import { csvLine, shortest } from '../../files/array-files/csv.js'
import { describeError } from '../estimates.js'
import type { ScoredImage, Separation } from './scored-images.js'

/** Images that are printed. */
const LISTED = 10

/** The lowest images as rows of a table, with a header. */
export function lowestRows(images: readonly ScoredImage[], measure: string): string[][] {
  const [first] = images
  const has = { name: first?.name !== undefined, label: first?.label !== undefined }
  const hasError = first?.standardError !== undefined
  const header = ['image', ...(has.label ? ['label'] : []), measure, ...(hasError ? ['±'] : []), 'percentile']
  const rows = images
    .slice(0, LISTED)
    .map(({ index, name, label, score, standardError, percentile }) => [
      name ?? String(index),
      ...(has.label ? [label ?? ''] : []),
      score.toFixed(2),
      ...(hasError ? [describeError(standardError, 2)] : []),
      percentile.toFixed(1),
    ])
  return [header, ...rows]
}

export function describeSeparation({ normal, normalImages, otherImages, area, standardError }: Separation): string {
  const numbers = `${area.toFixed(4)} ± ${describeError(standardError, 4)}`
  return `AUC ${numbers}: a normal image (${normal.join(', ')}: ${normalImages}) has a higher value than another (${otherImages})`
}

/** Columns of numbers of the table, by the name of each. */
const numbers = ['score', 'standardError', 'elbo', 'percentile'] as const

/** All images as CSV; with a threshold, the last column is 1 for those below it. `measure` is the name of the score. */
export function scoreTable(
  images: readonly ScoredImage[],
  { measure, threshold }: { measure: string; threshold: number | null },
): string {
  const [first] = images
  const texts = (['name', 'label'] as const).filter(field => first?.[field] !== undefined)
  const values = numbers.filter(field => first?.[field] !== undefined)
  const mark = threshold === null ? [] : ['belowThreshold']
  const header = ['index', ...texts, ...values.map(field => (field === 'score' ? measure : field)), ...mark]
  const lines = images.map(image => [
    String(image.index),
    ...texts.map(field => image[field] ?? ''),
    ...values.map(field => shortest(image[field] ?? Number.NaN)),
    ...(threshold === null ? [] : [image.percentile < threshold ? '1' : '0']),
  ])
  return [header, ...lines].map(csvLine).join('')
}
