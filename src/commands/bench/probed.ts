/** What each backend is on this machine. Each is opened in a process of its own: two builds of a library do not mix. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { BackendOptions } from '../../backends/backend.js'
import type { Mode } from '../../compile/step.js'

/** A backend that runs here, with the ways in which it can run steps; or why it does not, and what would change that. */
export type Probed = ProbedBackend | { name: string; runs: false; reason: string; fix: string }

export interface ProbedBackend {
  name: string
  runs: true
  version: string
  device: string
  /** A CPU stands in for a GPU. */
  inSoftware: boolean
  modes: Mode[]
}

/** Opens backends by name; when interrupted, gives what it has. */
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

/** Native code can take its process with it. */
function crashed(name: string, { code, signal }: { code?: unknown; signal?: unknown }, stderr: string): Probed {
  const reason = `it broke the process that opened it (${signal ?? `exit code ${code}`}) ${stderr.trim().split('\n').at(-1)}`
  return { name, runs: false, reason: reason.trim(), fix: 'see what it says: `elbo backends --debug`' }
}
