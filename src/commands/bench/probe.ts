/** Probes one backend in its own process: node probe.js NAME OPTIONS prints a `Probed`; OPTIONS and output are JSON. */
import { type BackendOptions, BackendRefusal } from '../../backends/backend.js'
import { openBackend } from '../../backends/candidates.js'
import { canCompile } from '../../compile/scan.js'
import type { Probed } from './probed.js'

async function probe(name: string, options: BackendOptions): Promise<Probed> {
  try {
    const { version, device, inSoftware = false } = (await openBackend(name, options)).backend
    return { name, runs: true, version, device, inSoftware, modes: canCompile() ? ['xla', 'graph', 'off'] : ['off'] }
  } catch (error) {
    if (error instanceof BackendRefusal) return { name, runs: false, reason: error.reason, fix: error.fix }
    throw error
  }
}

const [name = '', options = ''] = process.argv.slice(2)
const found = await probe(name, JSON.parse(options) as BackendOptions)
process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit())
