/** The peak memory of this process. */
import { readFileSync } from 'node:fs'

/**
 * Peak resident memory in megabytes. On Linux `maxRSS` includes the memory of the parent process at the time of the fork, so the value
 * is read from /proc.
 */
export function peakMegabytes(): number {
  if (process.platform !== 'linux') return (process.resourceUsage().maxRSS * 1024) / 1e6
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return (Number(kibibytes) * 1024) / 1e6
}
