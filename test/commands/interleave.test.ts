// Candidates taking turns: small programs that answer the protocol.
import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { type Candidate, interleave, type Turns } from '../../src/commands/bench/interleave.js'

interface Fake extends Candidate {
  program: string
}

const fake = (name: string, program: string): Fake => ({ name, chunk: 1, program })

/** Answers with these after a line `ready 1`, and says so on standard error. */
const answering = (name: string, answer: string) =>
  fake(name, `console.log('ready 1'); process.stdin.on('data', () => console.log(${JSON.stringify(answer)}))`)

const LIMITS = { startSeconds: 60, firstStepSeconds: 60, turnSeconds: 60 }

const run = (candidates: Fake[], turns: Partial<Turns<Fake>> = {}) =>
  interleave(candidates, {
    launch: ({ program }) => spawn(process.execPath, ['-e', program]),
    rounds: 2,
    turnMs: 2000,
    limits: LIMITS,
    onProgress: () => {},
    ...turns,
  })

test('each turn is asked for steps of about its length; the warm-up is left out, and the last report of memory counts', async () => {
  const program = `
    const asked = []
    console.log('a greeting\\nmade\\nready 12.5 100')
    require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
      asked.push(Number(line))
      console.log(asked.length < 3 ? '400 200' : asked[1] + asked.length / 10 + ' 300.5')
    })`
  const [one] = await run([fake('one', program)])
  // 2000 ms / 400 ms = 5 steps after the first turn; the second warms up.
  expect(one).toMatchObject({ firstCallMs: 12.5, times: [5.3, 5.4], peakMegabytes: 300.5, failure: undefined })
})

test('each candidate gets one turn in every round', async () => {
  const said: string[] = []
  await run([answering('a', '1000'), answering('b', '1000')], { rounds: 1, onProgress: text => said.push(text) })
  const rounds = ['warm-up, a', 'warm-up, b', 'round 1 of 1, a', 'round 1 of 1, b']
  expect(said).toEqual(['starting a', 'starting b', ...rounds])
})

test('a candidate that fails is kept with its reason, and the others go on', async () => {
  const absent = fake('absent', "console.error('ModuleNotFoundError: jax\\n'); process.exit(3)")
  const found = await run([absent, answering('wordy', 'hello'), answering('good', '1000')], { rounds: 1 })
  expect(found.map(({ failure }) => failure)).toEqual([
    'ended early (exit code 3): ModuleNotFoundError: jax',
    "answered 'hello' instead of its milliseconds per step",
    undefined,
  ])
  expect(found.at(-1)).toMatchObject({ times: [1000], peakMegabytes: Number.NaN })
})

test.each([
  ['not ready within 0.3 s', 'setInterval(() => {}, 1000)', { startSeconds: 0.3 }],
  ['more than 0.3 s for its first step', "console.log('made'); process.stdin.resume()", { firstStepSeconds: 0.3 }],
  ['more than 0.3 s per step', "console.log('ready 1'); process.stdin.resume()", { turnSeconds: 0.3 }],
])('a candidate that hangs is stopped: %s', async (reason, program, limits) => {
  const [found] = await run([fake('hanging', program)], { rounds: 1, limits: { ...LIMITS, ...limits } })
  expect(found).toMatchObject({ failure: reason, times: [] })
})

test('when a turn of many steps is late, the failure gives the time of one step', async () => {
  const program = `
    console.log('ready 1')
    process.stdin.once('data', () => console.log('200'))`
  const [found] = await run([fake('slowing', program)], { limits: { ...LIMITS, turnSeconds: 3 } })
  expect(found?.failure).toBe('more than 0.3 s per step') // 3 s for 2000 ms / 200 ms = 10 steps
})

test('an interruption keeps the rounds that all candidates finished, counts as no failure, and leaves no process behind', async () => {
  const interruption = new AbortController()
  const pids: number[] = []
  const found = await run([answering('a', '1000'), answering('b', '1000')], {
    rounds: 9,
    signal: interruption.signal,
    launch: ({ program }) => {
      const child = spawn(process.execPath, ['-e', program])
      pids.push(child.pid as number)
      return child
    },
    onProgress: text => text === 'round 3 of 9, b' && interruption.abort(),
  })
  expect(found.map(({ times, failure }) => ({ times, failure }))).toEqual(
    new Array(2).fill({ times: [1000, 1000], failure: undefined }),
  )
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

test('an interruption while a candidate starts measures nothing', async () => {
  const interruption = new AbortController()
  const onProgress = () => setTimeout(() => interruption.abort(), 100)
  const found = await run([fake('slow', 'setInterval(() => {}, 1000)'), answering('next', '1')], {
    signal: interruption.signal,
    onProgress,
  })
  expect(found.map(({ candidate, times, failure }) => [candidate.name, times, failure])).toEqual([
    ['slow', [], undefined],
  ])
})
