/** Probes the backends of this machine, each in its own process, because one process cannot hold two builds of a library. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { BackendOptions } from '../../backends/backend.js'
import type { Mode } from '../../compile/step.js'

/** A backend that runs here, with its modes; or the reason why it does not run, and the fix. */
export type Probed = ProbedBackend | { name: string; runs: false; reason: string; fix: string }

export interface ProbedBackend {
  name: string
  runs: true
  version: string
  device: string
  /** Whether a CPU emulates the GPU. */
  inSoftware: boolean
  modes: Mode[]
}

/** Probes backends by name; if interrupted, returns the results so far. */
export async function probeAll(
  names: readonly string[],
  options: BackendOptions,
  signal: AbortSignal,
): Promise<Probed[]> {
  const found: Probed[] = []
  for (const name of names) {
    const one = await probeOne(name, options, signal)
    if (one) found.push(one)
  }
  return found
}

function probeOne(name: string, options: BackendOptions, signal: AbortSignal): Promise<Probed | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  const args = [join(import.meta.dirname, 'probe.js'), name, JSON.stringify(options)]
  return new Promise(resolve => {
    const child = execFile(process.execPath, args, { signal }, (error, stdout, stderr) => {
      if (signal.aborted) resolve(undefined)
      else resolve(error ? crashed(name, error, stderr) : (JSON.parse(stdout.trim()) as Probed))
    })
    if (options.debug) child.stderr?.pipe(process.stderr)
  })
}

/** The result for a backend whose native code crashed the process. */
function crashed(name: string, { code, signal }: { code?: unknown; signal?: unknown }, stderr: string): Probed {
  const reason = `it crashed the process that opened it (${signal ?? `exit code ${code}`}) ${stderr.trim().split('\n').at(-1)}`
  return { name, runs: false, reason: reason.trim(), fix: 'see its messages with `elbo backends --debug`' }
}
