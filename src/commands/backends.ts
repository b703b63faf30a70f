/** `elbo backends`: the backends of this machine, and why others do not run. */
import { BackendRefusal, openAll } from '../backends/backend.js'
import { candidates } from '../backends/candidates.js'
import { command } from './command.js'

export const backends = command({
  name: 'backends',
  summary: 'lists the backends, and why some do not run',
  options: {},
  examples: ['backends', 'backends --json'],
  async run(_input, { print, debug }) {
    const results = await openAll(candidates, { debug })
    for (const result of results) {
      if (result instanceof BackendRefusal) {
        print(`${result.backend.padEnd(12)}no   ${result.reason}`)
        print(`${''.padEnd(12)}     fix: ${result.fix}`)
      } else print(`${result.name.padEnd(12)}yes  ${result.version}, ${result.device}`)
    }
    return {
      json: results.map(result =>
        result instanceof BackendRefusal
          ? { name: result.backend, runs: false, reason: result.reason, fix: result.fix }
          : { name: result.name, runs: true, version: result.version, device: result.device },
      ),
    }
  },
})
