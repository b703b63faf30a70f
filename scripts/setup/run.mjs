// Runs another program until it ends.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/**
 * The result of a program: exit status (null if it could not be started or was killed) and its output, stdout and stderr together.
 * @typedef {{ status: number | null, output: string }} Outcome
 */

/**
 * Runs a program without a shell and without input; never rejects.
 * @param {readonly string[]} command the program and its arguments
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {number} [options.timeoutMs] after which it is killed
 * @param {(line: string) => void} [options.onLine] called with each line of output
 * @param {(pid: number) => void} [options.onStart] called with its process id
 * @returns {Promise<Outcome>}
 */
export function run([program = '', ...args], { cwd, env, timeoutMs, onLine, onStart } = {}) {
  // Not spawn's own `timeout`: if the program is missing, that keeps Node waiting until the timeout.
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  const child = spawn(program, args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] })
  /** @type {string[]} */
  const lines = []
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', line => {
      lines.push(line)
      onLine?.(line)
    })
  }
  if (child.pid !== undefined) onStart?.(child.pid)
  return new Promise(end => {
    child.on('error', error => end({ status: null, output: error.message }))
    child.on('close', status => end({ status, output: lines.join('\n') }))
  })
}
