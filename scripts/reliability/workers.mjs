// Starts workers (worker.mjs) and asks them to run commands; one that crashes or hangs is replaced.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const TIMEOUT_MS = 60_000
const path = fileURLToPath(new URL('worker.mjs', import.meta.url))

/** A worker that intercepts calls beneath `root`; with `cut` its writes are done in two halves. */
export function startWorker(root, { cut = false, timeoutMs = TIMEOUT_MS } = {}) {
  let child
  const start = async () => {
    child = fork(path, [root, cut ? 'cut' : 'whole'], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] })
    child.errors = ''
    child.stderr.on('data', text => {
      child.errors = (child.errors + text).slice(-4000)
    })
    await once(child, 'message')
  }
  return {
    /** Runs a command; `{ ok, error, lines, moments, json }`, or `{ ok: false, died }` if the process ended or hung. */
    async run(job) {
      if (!child) await start()
      child.send(job)
      const answer = await first(child, timeoutMs)
      if (answer.lines) return answer
      const died = answer.late ? `hung for ${timeoutMs / 1000} s` : `the process ended: ${child.errors.trim()}`
      await this.stop()
      return { ok: false, died, lines: [], moments: [] }
    },
    async stop() {
      const ending = child
      child = undefined
      if (ending?.exitCode === null && ending.signalCode === null) {
        const ended = once(ending, 'exit')
        ending.kill('SIGKILL')
        await ended
      }
    },
  }
}

const once = (emitter, name) => new Promise(resolve => emitter.once(name, resolve))

/** The first message of a process; an empty object if it ends before, and `late` if it says nothing for so long. */
function first(child, timeoutMs) {
  return new Promise(resolve => {
    const settle = answer => {
      clearTimeout(timer)
      child.off('message', settle).off('exit', ended)
      resolve(answer)
    }
    const ended = () => settle({})
    const timer = setTimeout(() => settle({ late: true }), timeoutMs)
    child.on('message', settle).on('exit', ended)
  })
}
