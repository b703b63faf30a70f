/** Backends: ordered candidates, each of which opens or is refused with a reason and a fix. */
import * as tf from '#tfjs'
import type { Cluster } from '../libtensorflow/cluster.js'
import type { Reason } from '../libtensorflow/wheels.js'
import { requireOneCore } from './one-core.js'

/** A backend that runs, registered with TF.js under `tfjsName`. */
export interface Backend {
  name: string
  /** The name under which TF.js knows it. */
  tfjsName: string
  /** Library and version, such as 'TensorFlow 2.21.0'. */
  version: string
  /** What it computes on, such as 'CPU, 2 threads'; a GPU unless it begins with 'CPU'. */
  device: string
  /** Whether it is a GPU backend that runs in software, on the CPU. */
  inSoftware?: boolean
}

export interface BackendOptions {
  /** Lets native libraries print their start-up messages. */
  debug: boolean
  /** CPU threads of native TensorFlow, the same for all backends of a process (default: all available). */
  threads?: number
  /** The cluster of processes to be a worker of; only native TensorFlow has it. A process joins one when it first opens the backend. */
  cluster?: Cluster | undefined
  /** Installs native TensorFlow where it is missing, and returns why it cannot. Without this function a missing library is refused. */
  install?(): Promise<Reason | undefined>
}

/** A backend that may be available. `open` resolves to a backend registered with TF.js, or throws a `BackendRefusal`. */
export interface BackendCandidate {
  readonly name: string
  /** Whether its drivers must be loaded before TensorFlow: otherwise Mesa's abort at exit, because both contain LLVM. */
  readonly opensFirst?: boolean
  open(options: BackendOptions): Promise<Backend>
}

/** Thrown when a backend cannot run here: says why, and how to fix it. */
export class BackendRefusal extends Error {
  constructor(
    readonly backend: string,
    readonly reason: string,
    readonly fix: string,
    /** Nothing suggests that it could run here, so it is mentioned only to those who asked for it. */
    readonly isExpected = false,
  ) {
    super(`backend ${backend} cannot run: ${reason}. Fix: ${fix}`)
  }
}

/** The opened backend, and why each faster one was refused. */
export interface Opened {
  backend: Backend
  refusals: BackendRefusal[]
}

/** Tries `candidates` in order and makes TF.js compute on the first that opens; throws the last refusal if none does. */
export async function openFirst(candidates: readonly BackendCandidate[], options: BackendOptions): Promise<Opened> {
  requireOneCore()
  const refusals: BackendRefusal[] = []
  for (const candidate of candidates) {
    const result = await tryOpen(candidate, options)
    if (result instanceof BackendRefusal) refusals.push(result)
    else {
      await use(result)
      return { backend: result, refusals }
    }
  }
  throw refusals.at(-1) ?? new Error('no backend to choose from')
}

/** Tries to open every candidate, for a listing in the order of `candidates`. */
export async function openAll(
  candidates: readonly BackendCandidate[],
  options: BackendOptions,
): Promise<(Backend | BackendRefusal)[]> {
  const results = new Map<BackendCandidate, Backend | BackendRefusal>()
  const isFirst = ({ opensFirst = false }: BackendCandidate) => opensFirst
  const order = [...candidates.filter(isFirst), ...candidates.filter(candidate => !isFirst(candidate))]
  for (const candidate of order) results.set(candidate, await tryOpen(candidate, options))
  return candidates.map(candidate => results.get(candidate) as Backend | BackendRefusal)
}

/** Makes TF.js compute on this backend. Production mode drops TF.js's start-up advice, which is meant for browsers. */
async function use(backend: Backend): Promise<void> {
  tf.enableProdMode()
  if (!(await tf.setBackend(backend.tfjsName)))
    throw new Error(`TF.js did not accept its backend '${backend.tfjsName}'`)
  current = backend
}

let current: Backend | undefined

/** The backend that was opened last, if TF.js still computes on it. */
export const currentBackend = (): Backend | undefined =>
  current?.tfjsName === tf.engine().backendName ? current : undefined

async function tryOpen(candidate: BackendCandidate, options: BackendOptions): Promise<Backend | BackendRefusal> {
  try {
    return await candidate.open(options)
  } catch (error) {
    if (error instanceof BackendRefusal) return error
    throw error
  }
}
