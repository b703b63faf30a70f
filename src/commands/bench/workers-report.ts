/** `elbo bench --workers` as text: what was measured, and from which models on workers are faster than one. */
import { barLabel } from '../../plots/bar-spec.js'
import { alignRows } from '../aligned-rows.js'
import type { Break } from './paper-model.js'
import type { Spread } from './spread.js'
import type { Outlook, WorkersResult, WorkersRow } from './workers-results.js'

/** Tables at most `columns` wide. */
export function describeWorkers(result: WorkersResult, columns?: number): string[] {
  const { model, layers, batchSize, samples, threads, weights, rounds, rows, outlook } = result
  const network = model === layers ? model : `${model} (${layers})`
  const objective = samples === 1 ? 'ELBO' : `k = ${samples}`
  const each = `${threads} ${threads === 1 ? 'thread' : 'threads'} each`
  const title = `${network}, ${objective}, batch size ${batchSize}, ${weights.toLocaleString('en')} weights, ${each}`
  const counted = `median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
  const header = [
    'workers',
    'ms per step',
    'range',
    'apart',
    'on paper',
    'steps/s',
    'images/s',
    'efficiency',
    'waiting',
    'MB sent',
  ]
  return [
    `${title}: ${counted}`,
    ...alignRows([header, ...rows.map(cells)], columns),
    ...rows.flatMap(describeLink),
    ...describeOutlook(result, outlook, columns),
  ]
}

const percent = (share: number | undefined): string => (share === undefined ? '' : `${Math.round(100 * share)} %`)

const range = ({ low, high }: Spread): string => `${barLabel(low)} to ${barLabel(high)}`

const cells = (row: WorkersRow): string[] => [
  String(row.workers),
  barLabel(row.msPerStep.median),
  range(row.msPerStep),
  row.apartMs ? barLabel(row.apartMs.median) : '',
  barLabel(row.paperMs),
  barLabel(row.stepsPerSecond),
  barLabel(row.imagesPerSecond),
  percent(row.efficiency),
  percent(row.waitingShare),
  barLabel(row.bytesPerStep / 1e6),
]

function describeLink({ workers, allReduceMs, bandwidth }: WorkersRow): string[] {
  if (allReduceMs === undefined || bandwidth === undefined) return []
  return [
    `an all-reduce of ${workers} workers takes ${barLabel(allReduceMs.median)} ms (${range(allReduceMs)}) for one number, and sends ${barLabel(bandwidth / 1e6)} MB/s of the gradients`,
  ]
}

function describeOutlook({ rows: [alone] }: WorkersResult, outlook: readonly Outlook[], columns?: number): string[] {
  if (outlook.length === 0 || alone === undefined) return []
  const header = ['on paper', ...(outlook[0]?.breaks ?? []).map(({ workers }) => `${workers} workers`)]
  const table = outlook.map(({ link, breaks }) => [link, ...breaks.map(describeBreak)])
  return [
    `on paper, ms per step (one worker takes ${barLabel(alone.msPerStep.median)}), and how many times the arithmetic of this model it takes until they are faster than one:`,
    ...alignRows([header, ...table], columns),
  ]
}

const describeBreak = ({ ms, times }: Break): string =>
  `${barLabel(ms)}; ${times < 1 ? 'faster' : times < 1e6 ? `from ${Math.ceil(times)} times` : 'never'}`
