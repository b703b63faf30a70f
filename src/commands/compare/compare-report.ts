/** A comparison as text: the table for a terminal, and CSV. */

import type { Estimate } from '../../numeric/means.js'
import { alignRows } from '../aligned-rows.js'
import type { LogPxName } from '../estimates.js'
import { byMethod, type MethodResult, type RunResult } from './compare-results.js'
import type { Reference } from './compare-settings.js'
import type { LogPx } from './measure.js'

/** The lines of the table, at most `columns` wide, and notes on its numbers. */
export function describeTable(
  rows: readonly RunResult[],
  references: readonly Reference[],
  columns?: number,
  logPx: LogPxName = 'log p(x)',
): string[] {
  const header = [
    'method',
    'seeds',
    'parameters',
    'passes',
    'measured at',
    'seconds',
    'validation bound',
    'test bound',
    `test ${logPx}`,
  ]
  const lines = byMethod(rows).map(describeMethod)
  const published = references.map(({ label, logPx }) => `published: ${logPx.toFixed(2)}  ${label}`)
  return [...alignRows([header, ...lines], columns), ...published, ...notes(rows, logPx)]
}

function describeMethod({ label, seeds, parameters, passes, bestPasses, seconds, ...found }: MethodResult): string[] {
  return [
    label,
    String(seeds.length),
    parameters.toLocaleString('en'),
    String(passes),
    describeRange(bestPasses),
    seconds.toFixed(seconds < 10 ? 1 : 0),
    describe(found.validationBound),
    describe(found.testBound),
    describe(found.testLogPx),
  ]
}

const describe = ({ mean, standardError }: Estimate): string =>
  `${mean.toFixed(2)} ± ${Number.isNaN(standardError) ? 'unknown' : standardError.toFixed(2)}`

function describeRange(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return low === high ? String(low) : `${low}-${high}`
}

function notes(rows: readonly RunResult[], logPx: LogPxName): string[] {
  const many = byMethod(rows).some(({ seeds }) => seeds.length > 1)
  const one = byMethod(rows).some(({ seeds }) => seeds.length === 1)
  const over = [...(many ? ['over seeds if there are several'] : []), ...(one ? ['over images for a single seed'] : [])]
  return [
    `nats per image; ±: one standard error of the mean, ${over.join(', ')}; seconds: training time without validation`,
    ...learningRateNotes(rows),
    ...declineNotes(rows),
    ...validationNotes(rows),
    ...logPxNotes(rows, logPx),
  ]
}

/** The chosen learning rate of each method, and the bounds of all that were tried. */
function learningRateNotes(rows: readonly RunResult[]): string[] {
  const chosen = rows.filter(({ tried }) => tried.length > 1)
  const each = chosen.map(({ label, learningRate, tried }) => {
    const bounds = tried.map(one => `${one.learningRate}: ${one.bound.toFixed(2)}`)
    return `${label} ${learningRate} (${bounds.join(', ')})`
  })
  const seeds = [...new Set(chosen.map(({ seed }) => seed))]
  return chosen.length > 0
    ? [`learning rates, chosen by the validation bound of seed ${seeds.join()}: ${each.join('; ')}`]
    : []
}

/** Names the runs whose best snapshot is from the first half of the passes: their numbers are not those of the whole budget. */
function declineNotes(rows: readonly RunResult[]): string[] {
  const early = rows.filter(({ bestPass, passes }) => passes > 1 && bestPass <= passes / 2)
  const each = early.map(({ run, bestPass, passes, curve }) => {
    const bound = (pass: number) => curve[pass - 1]?.bound.toFixed(2)
    return `${run} (${bound(bestPass)} after pass ${bestPass}, ${bound(passes)} after pass ${passes})`
  })
  return early.length > 0 ? [`the validation bound decreased, so an early pass was measured: ${each.join('; ')}`] : []
}

/** Methods whose bound takes long may be validated on fewer images. */
function validationNotes(rows: readonly RunResult[]): string[] {
  const counts = [...new Set(rows.map(({ validationBound }) => validationBound.count))]
  if (counts.length < 2) return []
  const each = counts.map(count => {
    const methods = rows.filter(({ validationBound }) => validationBound.count === count).map(({ method }) => method)
    return `${count.toLocaleString('en')} images for ${[...new Set(methods)].join(', ')}`
  })
  return [`validation bounds use different images: the first ${each.join('; ')}`]
}

/** How log p(x) was estimated, one line per estimator. */
function logPxNotes(rows: readonly RunResult[], name: LogPxName): string[] {
  const ways = [...new Set(rows.map(({ testLogPx }) => describeWay(testLogPx)))]
  return ways.map(way => {
    const sameWay = rows.filter(({ testLogPx }) => describeWay(testLogPx) === way)
    const methods = [...new Set(sameWay.map(({ method }) => method))].join(', ')
    return `${name} of ${methods}: ${way}${samplingNote(sameWay.map(({ testLogPx }) => testLogPx))}`
  })
}

function describeWay(logPx: LogPx): string {
  if (logPx.by === 'importance sampling') return `${logPx.by}, ${logPx.samples} samples of z per image`
  if (logPx.by === 'annealed importance sampling')
    return `${logPx.by}, ${logPx.chains} chains of ${logPx.temperatures} temperatures per image`
  return logPx.by === 'exact' ? logPx.by : `${logPx.by} of each single image`
}

function samplingNote(estimates: readonly LogPx[]): string {
  const errors = estimates.flatMap(one => ('monteCarloError' in one ? [one.monteCarloError] : []))
  if (errors.length === 0) return ''
  const most = Math.max(...errors).toFixed(4)
  return `; error due to sampling z: at most ± ${most}, without the bias of a lower bound`
}

const fields: Record<string, (row: RunResult) => string | number | null> = {
  run: row => row.run,
  method: row => row.method,
  size: row => row.size,
  trainImages: row => row.trainImages ?? 'all',
  learningRate: row => row.learningRate,
  seed: row => row.seed,
  parameters: row => row.parameters,
  passes: row => row.passes,
  imagesSeen: row => row.imagesSeen,
  seconds: row => row.seconds,
  bestPass: row => row.bestPass,
  validationBound: row => row.validationBound.mean,
  validationBoundError: row => row.validationBound.standardError,
  validationImages: row => row.validationBound.count,
  testBound: row => row.testBound.mean,
  testBoundError: row => row.testBound.standardError,
  testImages: row => row.testBound.count,
  testLogPx: ({ testLogPx }) => testLogPx.mean,
  testLogPxError: ({ testLogPx }) => testLogPx.standardError,
  testLogPxBy: ({ testLogPx }) => testLogPx.by,
  samples: ({ testLogPx }) => ('samples' in testLogPx ? testLogPx.samples : null),
  chains: ({ testLogPx }) => ('chains' in testLogPx ? testLogPx.chains : null),
  temperatures: ({ testLogPx }) => ('temperatures' in testLogPx ? testLogPx.temperatures : null),
  monteCarloError: ({ testLogPx }) => ('monteCarloError' in testLogPx ? testLogPx.monteCarloError : null),
}

/** One line per run; fields that do not apply are empty. No field contains a comma. */
export function csv(rows: readonly RunResult[]): string {
  const names = Object.keys(fields)
  const lines = rows.map(row => names.map(name => fields[name]?.(row) ?? '').join(','))
  return `${[names.join(','), ...lines].join('\n')}\n`
}
