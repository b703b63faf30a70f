/** One snapshot, read wholly: its digests, its tensors against the model of config.json, and its exported networks against its tensors. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { methodOf } from '../../methods/list.js'
import type { RunConfig } from '../../methods/method.js'
import { modelFiles, type Position, readState, verifyModelFile } from '../../runs/snapshot.js'
import { requireSettings, restoreLearner } from '../../runs/trained-run.js'
import { attempt, type Finding, failure, isGood } from './findings.js'

export interface InspectedSnapshot {
  /** The name of its folder below snapshots/. */
  label: string
  files: Finding[]
  isWhole: boolean
  /** Undefined if state.safetensors is damaged. */
  position?: Position
  /** Whether `--resume` begins the pass that it was saved in again, because an older version stored other sums. */
  beginsPassAgain: boolean
  /** Damaged or missing files that the tensors give again, with the recorded digest, by their names below the snapshot's folder. */
  rewritable: Map<string, Uint8Array>
}

/** Reads everything of the snapshot `label` of the run in `folder`; without `config` its tensors cannot be compared with a model. */
export async function inspectSnapshot(
  folder: string,
  label: string,
  config: RunConfig | undefined,
  shownAs: string,
): Promise<InspectedSnapshot> {
  const [path, shown] = [join(folder, 'snapshots', label), join(shownAs, 'snapshots', label)]
  const files: Finding[] = []
  const rewritable: InspectedSnapshot['rewritable'] = new Map()
  const state = attempt(files, join(shown, 'state.safetensors'), () => readState(path, shown))
  if (!state) return { label, files, isWhole: false, beginsPassAgain: false, rewritable }
  const rebuilding = config && (await rebuild(config, state, shown).catch((error: Error) => error))
  if (rebuilding instanceof Error) files[0] = failure(join(shown, 'state.safetensors'), rebuilding)
  const restored = rebuilding instanceof Error ? undefined : rebuilding
  for (const [name, digest] of Object.entries(state.files)) {
    const rebuilt = restored?.exported.get(name)
    const file = join(shown, name)
    const isRight = attempt(files, file, () => {
      verifyModelFile(path, name, digest, shown)
      return true
    })
    if (isRight && rebuilt && rebuilt.digest !== digest)
      files[files.length - 1] = { file, state: 'damaged', message: 'holds other weights than state.safetensors' }
    if (!isRight && rebuilt?.digest === digest) rewritable.set(name, rebuilt.bytes)
  }
  const beginsPassAgain = restored?.beginsPassAgain === true
  return { label, files, isWhole: files.every(isGood), position: state.position, beginsPassAgain, rewritable }
}

/**
 * Restores a learner from the snapshot; returns the files that its networks then give. Throws an Error if the tensors are not those of the
 * model.
 */
async function rebuild(config: RunConfig, state: ReturnType<typeof readState>, shown: string) {
  const method = methodOf(config)
  const settings = method.settings.fixed(config)
  requireSettings(settings, state, join(shown, 'state.safetensors')) // before a model of a wrong size is made
  const learner = method.create(config, state.data)
  try {
    const beginsPassAgain = restoreLearner(learner, settings, state, shown)
    const files = await modelFiles(learner.models)
    return {
      beginsPassAgain,
      exported: new Map([...files].map(([name, bytes]) => [name, { bytes, digest: digestOf(bytes) }])),
    }
  } finally {
    learner.dispose()
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
