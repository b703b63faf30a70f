/** `elbo runs`: all runs with their epochs, best validation bound and model. */

import { join } from 'node:path'
import { sourceName } from '../data/dataset.js'
import { methodOf } from '../methods/list.js'
import { readRunConfig } from '../runs/config-file.js'
import { listRuns, snapshotFolder } from '../runs/directory.js'
import { verifyHistory } from '../runs/metrics-file.js'
import { readRunHeader } from '../runs/trained-run.js'
import { listRow } from './aligned-rows.js'
import { command } from './command.js'
import { wrap } from './wrap.js'

export const runs = command({
  name: 'runs',
  summary: 'lists all runs with their best bounds',
  options: {},
  examples: ['runs', 'runs --json'],
  async run(_input, { print, checkpoints, columns }) {
    const rows = listRuns(checkpoints).map(name => describeRun(checkpoints, name))
    if (rows.length === 0) print(`no runs in ${checkpoints} yet; \`elbo train\` creates one`)
    for (const line of rows.length > 0 ? table(rows, columns) : []) print(line)
    return { json: rows }
  },
})

type Run = Extract<ReturnType<typeof describeRun>, { epoch: number }>

/** Reads the headers of snapshots, never their weights, and compares them with what metrics.jsonl says of the same passes. */
function describeRun(checkpoints: string, name: string) {
  const folder = join(checkpoints, name)
  try {
    const config = readRunConfig(folder)
    const { position } = readRunHeader(folder, 'latest')
    verifyHistory(folder, position)
    const { epoch, step, best } = position
    const lost = best !== null && snapshotFolder(folder, 'best') === undefined
    return { name, epoch, step, best, config, ...(lost && { missing: ['best'] }) }
  } catch (error) {
    return { name, error: (error as Error).message }
  }
}

const HEADER = ['run', 'epochs', 'best validation bound', 'model']

/** The lines of the table; in a terminal too narrow for it, a list for each run. */
function table(rows: readonly ReturnType<typeof describeRun>[], columns: number): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length), 3)
  const line = ([name = '', epochs = '', best = '', model = '']: readonly string[]) =>
    `${name.padEnd(width)}  ${epochs.padEnd(7)}  ${best.padEnd(21)}  ${model}`
  const lines = rows.map(row => ('error' in row ? `${row.name.padEnd(width)}  ${row.error}` : line(cells(row))))
  if (lines.every(({ length }) => length <= columns)) return [line(HEADER), ...lines]
  return rows.flatMap(row =>
    ('error' in row ? [row.name, `  ${row.error}`] : listRow(HEADER, cells(row))).flatMap(one => wrap(one, columns, 4)),
  )
}

function cells({ name, epoch, best, config, missing }: Run): string[] {
  const { model, reads } = methodOf(config).traits(config)
  const images = `${sourceName(config.data)}, ${reads === 'none' ? 'grey' : reads}`
  const lost = missing ? '; best is missing: the folder or its link was deleted; latest is there' : ''
  return [name, `${epoch}/${config.epochs}`, describeBest(best), `${model}, ${images}${lost}`]
}

function describeBest(best: Run['best']): string {
  if (!best) return 'none yet'
  return best.validationBound === null
    ? 'not validated'
    : `${best.validationBound.toFixed(2)} nats (epoch ${best.epoch})`
}
