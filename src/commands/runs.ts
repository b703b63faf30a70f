/** `elbo runs`: all runs with their epochs, best validation bound and model. */
import { join } from 'node:path'
import { methodOf } from '../methods/list.js'
import { readRunConfig } from '../runs/config-file.js'
import { listRuns } from '../runs/directory.js'
import { readRunSnapshot } from '../runs/trained-run.js'
import { command } from './command.js'

export const runs = command({
  name: 'runs',
  summary: 'lists all runs with their epochs, best validation bound and model',
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

function describeRun(checkpoints: string, name: string) {
  const folder = join(checkpoints, name)
  try {
    const config = readRunConfig(folder)
    const { epoch, step, best } = readRunSnapshot(folder, 'latest').snapshot.position
    return { name, epoch, step, best, config }
  } catch (error) {
    return { name, error: (error as Error).message }
  }
}

function line({ epoch, best, config }: Run): string {
  const elbo = describeBest(best)
  const { model, reads } = methodOf(config).traits(config)
  const images = `${config.data}, ${reads === 'none' ? 'grey' : reads}`
  return `${`${epoch}/${config.epochs}`.padEnd(7)}  ${elbo.padEnd(21)}  ${model}, ${images}`
}

function describeBest(best: Run['best']): string {
  if (!best) return 'none yet'
  return best.validationBound === null
    ? 'not validated'
    : `${best.validationBound.toFixed(2)} nats (epoch ${best.epoch})`
}
