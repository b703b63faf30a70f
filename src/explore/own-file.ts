/** Files of a run that are handed out: no link in a run of somebody else leads to a file elsewhere. */
import { existsSync, realpathSync } from 'node:fs'
import { sep } from 'node:path'
import { readWhole } from '../files/reading.js'
import { missing } from './answer.js'

/** Largest file that is sent, in bytes. */
const MOST = 2 ** 30

/** The bytes of a file in a run's folder; `what` says what is missing if it is not there, or lies elsewhere. */
export function readOwn(folder: string, path: string, what: string): Buffer {
  if (!existsSync(path) || !realpathSync(path).startsWith(`${realpathSync(folder)}${sep}`)) throw missing(what)
  return readWhole(path, path, MOST)
}
