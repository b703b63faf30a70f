/** Measured gradients as text: a table, and the meaning of its columns. */
import type { MeasuredEstimate, MeasuredPart } from '../../evaluation/gradient-estimates.js'
import { type Part, parts } from '../../evaluation/gradient-moments.js'
import { type Agreement, isAboveNoise, type Jackknifed } from '../../evaluation/gradient-noise.js'
import { listRow } from '../aligned-rows.js'

const WIDTHS = [7, 20, 4, 12, 15, 8, 12, 15, 8, 11, 15]

/** The columns have fixed widths, so that each row can be printed as soon as it is measured. */
const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i < 2 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0))).join('')

const WIDTH = WIDTHS.reduce((sum, width) => sum + width)

const moments = ['|mean|', 'variance', 'SNR']

/** The lines above the rows; none in a terminal too narrow for the table. */
export const gradientHeader = (columns: number): string[] =>
  columns < WIDTH
    ? []
    : [
        line(['', '', '', 'encoder:', '', '', 'decoder:', '', '', 'encoder:', '']).trimEnd(),
        line(['bound', 'estimator', 'k', ...moments, ...moments, 'ratio', 'agrees']),
      ]

/** A row of the table, or a list of its cells in a terminal too narrow for it. */
export function describeGradient(measured: MeasuredEstimate, columns: number): string[] {
  const cells = cellsOf(measured)
  if (columns >= WIDTH) return [line(cells)]
  const names = [...parts.flatMap(part => moments.map(name => `${part} ${name}`)), 'ratio', 'agrees']
  const [bound, estimator, samples, ...others] = cells
  return listRow(['', ...names], [`${bound} ${estimator}, k = ${samples}`, ...others])
}

function cellsOf({ objective, estimate, samples, ...row }: MeasuredEstimate): string[] {
  const { varianceRatio, agreement } = row.encoder
  const ofPart = (part: MeasuredPart) => [
    describeNorm(part.squaredNorm),
    `${part.variance.value.toExponential(2)} ±${percent(part.variance)}`,
    part.snr.value.toPrecision(3),
  ]
  return [
    objective,
    estimate,
    String(samples),
    ...parts.flatMap(part => ofPart(row[part])),
    varianceRatio === null ? '1' : round(varianceRatio),
    agreement === null ? '-' : describeAgreement(agreement),
  ]
}

/** The norm of the mean, or, if the noise hides it, an upper bound by two standard errors. */
function describeNorm({ value, standardError }: Jackknifed): string {
  const most = Math.max(value, 0) + 2 * standardError
  return value > 2 * standardError ? round(Math.sqrt(value)) : `< ${round(Math.sqrt(most))}`
}

const percent = ({ value, standardError }: Jackknifed): string => `${((100 * standardError) / value).toFixed(0)}%`

const describeAgreement = ({ squaredZ, spread }: Agreement): string => `${squaredZ.toFixed(2)} ± ${spread.toFixed(2)}`

/** Three digits, with an exponent for very small and very large values. */
function round(value: number): string {
  if (value < 1e-3 || value >= 1e6) return value.toExponential(2)
  return value >= 1000 ? Number(value.toPrecision(3)).toLocaleString('en') : value.toPrecision(3)
}

/** The lines below the rows, with the meaning of the columns. */
export function gradientNotes([first]: readonly MeasuredEstimate[]): string[] {
  if (!first) return []
  const { draws, snrFloor } = first.encoder
  const constant = parts.map(part => `${first[part].entries - first[part].noisy} of the ${part}'s`).join(' and ')
  return [
    `gradients of the bound, nats per image and unit of weight, ${draws} draws each; ±: one standard error`,
    '|mean|: norm of the mean gradient, corrected for noise; variance: of an entry, averaged over all entries',
    `SNR: |mean| / standard deviation of an entry (Rainforth et al. 2018), averaged over the entries that vary; pure noise has ${snrFloor.toPrecision(2)}`,
    `${constant} entries never vary, such as the weights of pixels that are black in all images`,
    `ratio: variance relative to the first row of the same bound and k`,
    'agrees: mean squared z-score of the difference from the mean gradient of that row; about 1, within ±, if the two means are equal',
  ]
}

/** The slopes of log SNR against log k, for estimators with at least three k and an SNR above the noise. */
export function describeSlopes(rows: readonly MeasuredEstimate[]): string[] {
  const names = [...new Set(rows.map(({ objective, estimate }) => `${objective} ${estimate}`))]
  return names.flatMap(name => {
    const estimatorRows = rows.filter(({ objective, estimate }) => `${objective} ${estimate}` === name)
    const found = parts.flatMap(part => {
      const slope = snrSlope(estimatorRows, part)
      return slope ? [`${part} ${signed(slope.value)} ± ${slope.standardError.toFixed(2)}`] : []
    })
    return found.length > 0 ? [`slope of log SNR against log k, ${name}: ${found.join(', ')}`] : []
  })
}

const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(2)}`

/** The slope of log SNR against log k by least squares; undefined with fewer than three k or an SNR in the noise. */
function snrSlope(rows: readonly MeasuredEstimate[], part: Part): Jackknifed | undefined {
  if (rows.length < 3 || !rows.every(row => isAboveNoise(row[part]))) return undefined
  const x = rows.map(({ samples }) => Math.log(samples))
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length
  const centred = x.map(value => value - mean)
  const spread = centred.reduce((sum, value) => sum + value ** 2, 0)
  const [sum, squares] = rows.reduce(
    ([sum, squares], row, i) => {
      const { value, standardError } = row[part].snr
      const weight = centred[i] as number
      return [sum + weight * Math.log(value), squares + ((weight * standardError) / value) ** 2]
    },
    [0, 0],
  )
  return { value: sum / spread, standardError: Math.sqrt(squares) / spread }
}
