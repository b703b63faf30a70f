/** What an entry of a folder is, in words. */
import type { Stats } from 'node:fs'

export function kindOfFile(found: Stats) {
  if (found.isFile()) return 'a regular file'
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a FIFO (named pipe)'
  if (found.isCharacterDevice()) return 'a character device'
  if (found.isBlockDevice()) return 'a block device'
  if (found.isSocket()) return 'a socket'
  return 'a symbolic link'
}
