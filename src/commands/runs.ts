/** `elbo runs`: all runs with their epochs, best validation bound and model. */

import { join } from 'node:path'
import { sourceName } from '../data/dataset.js'
import { methodOf } from '../methods/list.js'
import { readRunConfig } from '../runs/config-file.js'
import { listRuns, snapshotFolder } from '../runs/directory.js'
import { readHistory } from '../runs/metrics-file.js'
import { readRunHeader } from '../runs/trained-run.js'
import { command } from './command.js'

export const runs = command({
  name: 'runs',
  summary: 'lists all runs with epochs, best validation bound and model',
  options: {},
  examples: ['runs', 'runs --json'],
  async run(_input, { print, checkpoints }) {
    const rows = listRuns(checkpoints).map(name => describeRun(checkpoints, name))
    if (rows.length === 0) print(`no runs in ${checkpoints} yet; \`elbo train\` creates one`)
    const width = Math.max(...rows.map(({ name }) => name.length), 3)
    if (rows.length > 0) print(`${'run'.padEnd(width)}  epochs   best validation bound  model`)
    for (const row of rows) print(`${row.name.padEnd(width)}  ${'error' in row ? row.error : line(row)}`)
    return { json: rows }
  },
})

type Run = Extract<ReturnType<typeof describeRun>, { epoch: number }>

/** Reads the headers of snapshots, never their weights, and what metrics.jsonl says of the same passes. */
function describeRun(checkpoints: string, name: string) {
  const folder = join(checkpoints, name)
  try {
    const config = readRunConfig(folder)
    const { position } = readRunHeader(folder, 'latest')
    readHistory(folder, position)
    const { epoch, step, best } = position
    const lost = best !== null && snapshotFolder(folder, 'best') === undefined
    return { name, epoch, step, best, config, ...(lost && { missing: ['best'] }) }
  } catch (error) {
    return { name, error: (error as Error).message }
  }
}

function line({ epoch, best, config, missing }: Run): string {
  const elbo = describeBest(best)
  const { model, reads } = methodOf(config).traits(config)
  const images = `${sourceName(config.data)}, ${reads === 'none' ? 'grey' : reads}`
  const lost = missing ? '; best is missing: the folder or its link was deleted; latest is there' : ''
  return `${`${epoch}/${config.epochs}`.padEnd(7)}  ${elbo.padEnd(21)}  ${model}, ${images}${lost}`
}

function describeBest(best: Run['best']): string {
  if (!best) return 'none yet'
  return best.validationBound === null
    ? 'not validated'
    : `${best.validationBound.toFixed(2)} nats (epoch ${best.epoch})`
}
