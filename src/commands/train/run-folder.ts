/** The folder of a run to be trained: unused, or with a run of the same method to resume. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { explain, isLeftover } from '../../files/files.js'
import { methodOf } from '../../methods/list.js'
import type { Method, RunConfig } from '../../methods/method.js'
import { writeRunConfig } from '../../runs/config-file.js'
import { listRuns } from '../../runs/directory.js'
import { UsageError } from '../../settings/setting.js'
import type { Context } from '../command.js'

/** Throws a `UsageError` if the run belongs to another command. */
export function requireMethod(saved: RunConfig, asked: Method): void {
  const { command, name } = methodOf(saved)
  if (command !== asked.command)
    throw new UsageError(`this run is a ${name}: continue it with \`elbo ${command} --run … --resume\``)
}

/** Notes a change of the number of threads, which changes the rounding of sums. */
export function noteThreads({ threads: before }: RunConfig, { threads: now }: RunConfig, { note }: Context): void {
  if (before === null || before === now) return
  note(
    `threads: ${before} so far, ${now} from now on: the last digits will differ from those of a run that kept ${before}`,
  )
}

export function requireEmpty(folder: string): void {
  if (mayBeginIn(folder)) return
  throw new UsageError(
    existsSync(join(folder, 'config.json'))
      ? `${folder} already has a run: continue it with --resume, or choose another --run`
      : `${folder} already exists and is not a run; choose another --run`,
  )
}

/** Creates the run's folder with its settings, so that it can be resumed from now on; false if an empty folder already existed. */
export function claim(folder: string, config: RunConfig): boolean {
  let created = true
  try {
    mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explain(error, folder)
    created = false
  }
  writeRunConfig(folder, config)
  return created
}

/** Whether a new run may use the folder. A process killed while it wrote config.json leaves a temporary file, which is ignored. */
function mayBeginIn(folder: string): boolean {
  if (!existsSync(folder)) return true
  return statSync(folder).isDirectory() && readdirSync(folder).every(name => isLeftover(name, 'config.json'))
}

export function knownRuns(checkpoints: string): string {
  const names = listRuns(checkpoints)
  return names.length > 0 ? `(runs: ${names.join(', ')})` : `(no runs in ${checkpoints} yet)`
}
