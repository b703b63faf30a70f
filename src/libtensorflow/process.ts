// What Node does to its process for JavaScript only, done for native code too: environment variables and standard error.
import { devNull } from 'node:os'
import koffi from '#koffi'

const STDERR = 2
const O_WRONLY = 1

/** Sets an environment variable. In a worker thread, `process.env` is a copy, which native code does not see. */
export function setEnvironment(name: string, value: string): void {
  process.env[name] = value
  const setenv = koffi.load(null).func('int setenv(const char *, const char *, int)') as (...args: unknown[]) => number
  setenv(name, value, 1)
}

/**
 * Runs `work` and discards the process's standard error meanwhile, including that of native code. Opens and closes files by libc's own
 * functions, because Node warns about a worker thread that closes files which it has not opened.
 */
export function withoutStderr<T>(work: () => T): T {
  const libc = koffi.load(null)
  const dup = libc.func('int dup(int)') as (fd: number) => number
  const dup2 = libc.func('int dup2(int, int)') as (from: number, to: number) => number
  const open = libc.func('int open(const char *, int)') as (path: string, flags: number) => number
  const close = libc.func('int close(int)') as (fd: number) => number
  const saved = dup(STDERR)
  const nowhere = open(devNull, O_WRONLY)
  if (saved < 0 || nowhere < 0) return work() // too many open files: native messages are then shown
  dup2(nowhere, STDERR)
  try {
    return work()
  } finally {
    dup2(saved, STDERR)
    close(saved)
    close(nowhere)
  }
}
