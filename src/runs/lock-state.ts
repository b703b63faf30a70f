/** Whether a process holds the lock of a run, found out without taking it. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const LOCKS = '/proc/locks' // Linux: a line for each lock, such as `1: FLOCK ADVISORY WRITE 8553 fe:00:10045713 0 EOF`

export function isLocked(folder: string): boolean {
  const path = join(folder, 'lock')
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isFile()) return false
  // Elsewhere the process that wrote its number into the file is looked for.
  if (!existsSync(LOCKS)) return isRunning(readFileSync(path, 'latin1'))
  const locks = readFileSync(LOCKS, 'latin1').split('\n')
  return locks.some(line => line.includes(' FLOCK ') && line.includes(`:${found.ino} `))
}

/** Whether the process of this number runs; a text that is no number names none. */
function isRunning(text: string): boolean {
  const pid = Number(text.trim())
  if (!Number.isInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0) // signal 0 only asks
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
