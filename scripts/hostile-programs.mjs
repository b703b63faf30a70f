// Runs many small programs that call the library with wrong ranks, sizes, types, names and values, drawn at random by a seed. Each is a
// process of its own, and must end by itself: with results or exceptions, never with a signal nor by the time limit.
// node scripts/hostile-programs.mjs [programs, default 300] [seed of the first, default 1]
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [programs = 300, first = 1] = process.argv.slice(2).map(Number)
const program = join(dirname(fileURLToPath(import.meta.url)), 'hostile-programs', 'program.mjs')
/** A program takes a second of computing, but may have to wait for a busy machine. */
const LIMIT_MS = 300_000
const AT_ONCE = 2

const failures = []
const counts = { calls: 0, results: 0, exceptions: 0 }
let next = first
await Promise.all(Array.from({ length: AT_ONCE }, work))
const signals = failures.filter(end => end.startsWith('signal')).length
const hangs = failures.filter(end => end.startsWith('hang')).length
console.log(
  `${programs} programs, ${counts.calls} calls: ${counts.results} results, ${counts.exceptions} exceptions; ` +
    `${signals} programs ended by a signal, ${hangs} by the time limit, ${failures.length - signals - hangs} otherwise`,
)
process.exitCode = failures.length > 0 ? 1 : 0

async function work() {
  while (next < first + programs) {
    const seed = next++
    const { end, output } = await run(seed)
    const [, calls, results, exceptions] = /^ended: (\d+) calls, (\d+) results, (\d+) exceptions$/m.exec(output) ?? []
    if (end !== 'exit 0' || calls === undefined) report(seed, end, output)
    counts.calls += Number(calls ?? 0)
    counts.results += Number(results ?? 0)
    counts.exceptions += Number(exceptions ?? 0)
  }
}

function report(seed, end, output) {
  failures.push(end)
  console.log(`FAILED program ${seed}: ${end}\n${output.trimEnd().split('\n').slice(-3).join('\n')}`)
}

/** How a program ended, and what it printed. */
function run(seed) {
  const child = spawn(process.execPath, [program, String(seed)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  let hung = false
  const timer = setTimeout(() => {
    hung = true
    child.kill('SIGKILL')
  }, LIMIT_MS)
  return new Promise(resolve =>
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const end = hung ? `hang: killed after ${LIMIT_MS / 1000} s` : signal ? `signal ${signal}` : `exit ${code}`
      resolve({ end, output })
    }),
  )
}
