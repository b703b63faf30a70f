// How a launcher notices that a worker hangs while it starts.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { watchStart } from '../../src/commands/start-watch.js'

const LIMIT = 1500

let child: ChildProcess | undefined
afterEach(() => void child?.kill('SIGKILL'))

/** Starts a process that runs `program` and, once it has said something, resolves to what becomes of the watch on it. */
async function watched(program: string): Promise<{ child: ChildProcess; isSilent(): boolean }> {
  const started = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  child = started
  let silent = false
  watchStart(
    started,
    () => {
      silent = true
    },
    LIMIT,
  )
  await once(started, 'message')
  return { child: started, isSilent: () => silent }
}

const waiting = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

test('a worker that says that it lives is left alone, and one that is stopped is noticed', async () => {
  const { child, isSilent } = await watched("setInterval(() => process.send('alive'), 100)")
  await waiting(2 * LIMIT)
  expect(isSilent()).toBe(false)
  child.kill('SIGSTOP')
  await expect.poll(isSilent).toBe(true)
})

test('a worker that has met the others may be silent', async () => {
  const { isSilent } = await watched("process.send('met'); setInterval(() => {}, 1000)")
  await waiting(2 * LIMIT)
  expect(isSilent()).toBe(false)
})
