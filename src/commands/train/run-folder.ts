/** The folder of a run to be trained: unused, or with a run of the same method to resume. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { methodOf } from '../../methods/list.js'
import type { Method, RunConfig } from '../../methods/method.js'
import { type Claim, claimFolder, isFree } from '../../runs/claim.js'
import { writeRunConfig } from '../../runs/config-file.js'
import { listRuns } from '../../runs/directory.js'
import { UsageError } from '../../settings/setting.js'
import type { Context } from '../command.js'
import { describeRuns } from '../opened-run.js'

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
  if (isFree(folder, 'config.json')) return
  throw new UsageError(
    existsSync(join(folder, 'config.json'))
      ? `${folder} already has a run: continue it with --resume, or choose another --run`
      : `${folder} already exists and is not a run; choose another --run`,
  )
}

interface Wanted {
  /** Null: the first free of PREFIX-1, PREFIX-2, … */
  run: string | null
  prefix: string
  resume: boolean
}

/** Locks the run's folder, new or to be resumed, and writes its settings, so that it can be resumed whatever happens next. */
export function claimRun({ checkpoints }: Context, request: Wanted, config: RunConfig): Claim {
  const claim = claimFolder(checkpoints, request)
  if (request.resume) return claim
  try {
    requireEmpty(claim.folder) // of a start at the same moment
    writeRunConfig(claim.folder, config)
    return claim
  } catch (error) {
    claim.discard()
    claim.release()
    throw error
  }
}

export function knownRuns(checkpoints: string): string {
  const names = listRuns(checkpoints)
  return names.length > 0 ? `(${describeRuns(names)})` : `(no runs in ${checkpoints} yet)`
}
