/** `elbo check RUN…`: reads everything of runs and comparisons, verifies every checksum, says what is whole, and repairs what loses nothing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openBackend } from '../../backends/candidates.js'
import { listRuns, runFolder } from '../../runs/directory.js'
import { type Context, command } from '../command.js'
import { existingRun } from '../opened-run.js'
import type { Checked } from './findings.js'
import { inspectComparison } from './inspect-comparison.js'
import { inspectRun } from './inspect-run.js'
import { cleanUpComparison, repairRun } from './repair.js'

export const check = command({
  name: 'check',
  summary: 'verifies and repairs the files of runs',
  argument: 'run',
  isRepeatable: true,
  argumentDescription: 'runs or comparisons in the checkpoints folder',
  options: {},
  switches: {
    repair: {
      description:
        'repair leftovers of killed processes, links, lines of unfinished passes and exported networks; rename damaged files to NAME.damaged',
      group: 'run',
    },
  },
  examples: ['check first', 'check first second --json', 'check first --repair', 'check compare-1'],
  async run({ arguments: names, switches }, context) {
    for (const name of names) requireFolder(name, context.checkpoints)
    await openBackend('cpu', { debug: context.debug }) // holds the tensors; nothing is computed
    const checked: Checked[] = []
    for (const name of names) checked.push(...(await checkNamed(name, switches.repair === true, context)))
    for (const one of checked) for (const line of describe(one)) context.print(line)
    const whole = checked.every(one => one.whole)
    return { json: { whole, checked }, failed: !whole }
  },
})

/** Throws a `UsageError` if there is neither a run nor a comparison of this name. */
function requireFolder(name: string, checkpoints: string): void {
  const folder = runFolder(checkpoints, name)
  if (!isComparison(folder) && !['snapshots', 'metrics.jsonl'].some(part => existsSync(join(folder, part))))
    existingRun(name, checkpoints)
}

const isComparison = (folder: string): boolean =>
  !existsSync(join(folder, 'config.json')) &&
  ['settings.json', 'compare.json'].some(file => existsSync(join(folder, file)))

/** A run, or a comparison followed by its runs. */
async function checkNamed(name: string, repair: boolean, context: Context): Promise<Checked[]> {
  const { checkpoints } = context
  const folder = runFolder(checkpoints, name)
  if (!isComparison(folder)) return [await checkRun(checkpoints, name, repair)]
  const runs: Checked[] = []
  for (const run of listRuns(checkpoints).filter(one => one.startsWith(`${name}.`)))
    runs.push(await checkRun(checkpoints, run, repair))
  const found = inspectComparison(checkpoints, name, runs)
  if (!repair || found.leftovers.length === 0) return [withoutParts(found), ...runs]
  const repaired = cleanUpComparison(folder)
  return [{ ...withoutParts(inspectComparison(checkpoints, name, runs)), repaired }, ...runs]
}

async function checkRun(checkpoints: string, name: string, repair: boolean): Promise<Checked> {
  const folder = runFolder(checkpoints, name)
  const found = await inspectRun(folder, name)
  if (!repair || found.whole) return withoutParts(found)
  const repaired = await repairRun(folder, name)
  return { ...withoutParts(await inspectRun(folder, name)), repaired }
}

/** What is told of a check, without what repairing needs. */
const withoutParts = ({ name, whole, locked, files, resume, repaired }: Checked): Checked => ({
  name,
  whole,
  locked,
  files,
  resume,
  repaired,
})

function describe({ name, whole, locked, files, resume, repaired }: Checked): string[] {
  return [
    `${name}: ${whole ? 'whole' : 'not whole'}${locked ? '; a process is training it' : ''}`,
    ...files.map(({ file, state, message }) => `  ${state.padEnd(10)}  ${file}${message ? `: ${message}` : ''}`),
    ...repaired.map(line => `  repaired: ${line}`),
    `  --resume ${'from' in resume ? `would continue after ${resume.from}` : `would be refused: ${resume.refused}`}`,
  ]
}
