/**
 * Several workers as one candidate of `elbo bench`: node team.js JSON, with a `TeamWork` as JSON. It starts the same program several times, passes every
 * request on to all, and answers when all have: with the slowest's milliseconds, and the sum of their memory.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { BackendOptions } from '../../backends/backend.js'
import { freeAddresses } from '../launch.js'

/** The task of a team. */
export interface TeamWork {
  /** Path of a program that follows the protocol of interleave.ts; its argument is `work`, each with its own options. */
  program: string
  work: { options: BackendOptions }
  count: number
  /** Whether they are the workers of one cluster; otherwise each works for itself, at the same time. */
  isCluster: boolean
}

async function startAll({ program, work, count, isCluster }: TeamWork) {
  const workers = await freeAddresses(count)
  return workers.map((_, index) => {
    const options = { ...work.options, ...(isCluster && count > 1 && { cluster: { workers, index } }) }
    const child = spawn(process.execPath, [program, JSON.stringify({ ...work, options })], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin.on('error', () => {}) // it has ended, and its output says so
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      send: (line: string) => void child.stdin.write(`${line}\n`),
      async next(): Promise<string> {
        const { value, done } = await lines.next()
        if (done) process.exit(1) // its own message is on standard error
        return value
      },
    }
  })
}

/** The slowest's time and the sum of all memory, after the word that the answers begin with. */
function joined(answers: readonly string[]): string {
  const word = answers[0]?.startsWith('ready ') ? 'ready ' : ''
  const numbers = answers.map(answer => answer.slice(word.length).split(' ').map(Number))
  const slowest = Math.max(...numbers.map(([ms = Number.NaN]) => ms))
  return `${word}${slowest} ${numbers.reduce((sum, [, megabytes = Number.NaN]) => sum + megabytes, 0)}`
}

const team = await startAll(JSON.parse(process.argv[2] ?? '') as TeamWork)
const answers = () => Promise.all(team.map(one => one.next()))
const say = (line: string) => process.stdout.write(`${line}\n`)

process.on('SIGINT', () => {}) // the parent process decides when this one ends
await answers()
say('made')
say(joined(await answers()))
for await (const line of createInterface({ input: process.stdin })) {
  for (const one of team) one.send(line)
  say(joined(await answers()))
}
process.exit()
