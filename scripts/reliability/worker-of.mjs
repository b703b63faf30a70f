// Finds a process that `train --workers` started, to kill it or to stop it.
import { readFileSync } from 'node:fs'

/**
 * The process that a launcher started as worker `index`; undefined if it has none (any more).
 * @param {number} launcher
 * @param {number} index
 * @returns {number | undefined}
 */
export function workerOf(launcher, index) {
  try {
    const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
    const found = children.find(pid => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`"index":${index}}`))
    return found === undefined ? undefined : Number(found)
  } catch {
    return undefined
  }
}
