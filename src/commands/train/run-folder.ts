/** The folder of a run that is to be trained: free, or with a run of the same method to be resumed. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { explain, isLeftover } from '../../files/files.js'
import { methodOf } from '../../methods/list.js'
import type { Method, RunConfig } from '../../methods/method.js'
import { writeRunConfig } from '../../runs/config-file.js'
import { listRuns } from '../../runs/directory.js'
import { UsageError } from '../../settings/setting.js'
import type { Context } from '../command.js'
/** Throws a `UsageError` if the run is of another method than the command. */
export function requireMethod(saved: RunConfig, asked: Method): void {
  const { command, name } = methodOf(saved)
  if (command !== asked.command)
    throw new UsageError(`this run is a ${name}: continue it with \`elbo ${command} --run … --resume\``)
}

/** Sums over threads round differently for another number of them. */
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
      ? `${folder} has a run already: continue it with --resume, or choose another --run`
      : `${folder} is there already and holds no run; choose another --run`,
  )
}

/** Makes the run's folder, so that it can be resumed whatever happens next; false if an empty one was there already. */
export function claim(folder: string, config: RunConfig): boolean {
  let made = true
  try {
    mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explain(error, folder)
    made = false
  }
  writeRunConfig(folder, config)
  return made
}

/** Whether a run may begin there. A start that was killed while it wrote config.json leaves that file's beginning. */
function mayBeginIn(folder: string): boolean {
  if (!existsSync(folder)) return true
  return statSync(folder).isDirectory() && readdirSync(folder).every(name => isLeftover(name, 'config.json'))
}

export function knownRuns(checkpoints: string): string {
  const names = listRuns(checkpoints)
  return names.length > 0 ? `(runs: ${names.join(', ')})` : `(there are no runs in ${checkpoints} yet)`
}
