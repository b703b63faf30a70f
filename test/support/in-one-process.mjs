// @ts-nocheck: it runs the built program.
// Runs command lines one after the other in one process, which is cheaper than a process for each, and prints the exit code and the output of each.
import { writeSync } from 'node:fs'
import { main } from '../../dist/commands/program.js'

const exit = process.exit
for (const emitter of [process, process.stdout, process.stderr]) emitter.setMaxListeners(0) // each command line adds its own

const results = []
for (const args of JSON.parse(process.argv[2])) results.push(await resultOf(args))
writeSync(3, JSON.stringify(results))
exit(0)

async function resultOf(args) {
  const result = { status: undefined, stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'])
    process[name].write = (text, done) => {
      result[name] += text
      done?.()
      return true
    }
  process.argv = [...process.argv.slice(0, 2), ...args]
  process.exit = code => {
    result.status = code
  }
  await main()
  return result
}
