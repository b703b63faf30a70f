/** The candidates of `elbo bench`: backends x modes, for each model and batch size. */
import { join } from 'node:path'
import type { BackendOptions } from '../../backends/backend.js'
import type { Mode, Precision } from '../../compile/step.js'
import type { BenchmarkModel } from './benchmark-models.js'
import type { Candidate } from './interleave.js'
import { type PeerCommand, peerWork } from './peers.js'
import type { ProbedBackend } from './probed.js'
import type { Work } from './worker.js'

/** A process that follows the protocol of interleave.ts. */
export interface Entry extends Candidate {
  /** Heading in the chart. */
  group: string
  /** Name below that heading. */
  label: string
  /** Device of elbo's own backends; absent for a peer. */
  device?: string
  program: string
  args: readonly string[]
  env?: Readonly<Record<string, string>>
  folder?: string
}

/** Candidates that are compared with each other. */
export interface Task {
  model: BenchmarkModel
  batchSize: number
  entries: readonly Entry[]
}

export interface Plan {
  backends: readonly ProbedBackend[]
  modes: readonly Mode[]
  precisions: readonly Precision[]
  models: readonly BenchmarkModel[]
  batchSizes: readonly number[]
  peers: readonly PeerCommand[]
  options: BackendOptions
}

export function planTasks({ models, batchSizes, peers, ...plan }: Plan): Task[] {
  return models.flatMap(model =>
    batchSizes.map(batchSize => ({
      model,
      batchSize,
      entries: [...ownEntries(plan, model, batchSize), ...peers.map(peer => peerEntry(peer, model, batchSize))],
    })),
  )
}

function ownEntries(
  { backends, modes, precisions, options }: Pick<Plan, 'backends' | 'modes' | 'precisions' | 'options'>,
  model: BenchmarkModel,
  batchSize: number,
): Entry[] {
  const config = { ...model.config, batchSize }
  return backends.flatMap(backend => {
    const group = backend.inSoftware ? `${backend.name} in software` : backend.name
    return waysOf(
      backend.modes.filter(mode => modes.includes(mode)),
      precisions,
    ).map(({ mode, precision }) => {
      const label = precision === 'float32' ? mode : `${mode} ${precision}`
      const work: Work = { backend: backend.name, mode, precision, config, options }
      return {
        name: backend.modes.length > 1 ? `${group} ${label}` : group,
        group,
        label,
        device: backend.device,
        chunk: 1,
        program: process.execPath,
        args: [join(import.meta.dirname, 'worker.js'), JSON.stringify(work)],
      }
    })
  })
}

/** Modes other than xla compute in float32 only. */
const waysOf = (modes: readonly Mode[], precisions: readonly Precision[]) =>
  modes.flatMap(mode =>
    precisions.filter(precision => precision === 'float32' || mode === 'xla').map(precision => ({ mode, precision })),
  )

function peerEntry({ name, chunk, ...command }: PeerCommand, model: BenchmarkModel, batchSize: number): Entry {
  const { work, isConvolutional } = peerWork(model, batchSize)
  return {
    ...command,
    name,
    group: 'Python',
    label: name,
    // In the loops of JAX and TensorFlow, XLA takes a second for a step of convolutions.
    chunk: isConvolutional ? Math.min(chunk, 5) : chunk,
    env: { BENCH_MODEL: JSON.stringify(work) },
  }
}
