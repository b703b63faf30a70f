/** The most memory that this process has held. */
import { readFileSync } from 'node:fs'

/**
 * Peak resident memory in megabytes. Linux's `maxRSS` starts with what the parent process held when it made this one, so there it is
 * read from /proc, which starts anew.
 */
export function peakMegabytes(): number {
  if (process.platform !== 'linux') return (process.resourceUsage().maxRSS * 1024) / 1e6
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return (Number(kibibytes) * 1024) / 1e6
}
