// Silences native code that logs unconditionally.
import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import koffi from 'koffi'

const STDERR = 2

/** Runs `work` and discards the process's standard error meanwhile, including that of native code. */
export function withoutStderr<T>(work: () => T): T {
  const libc = koffi.load(null)
  const dup = libc.func('int dup(int)') as (fd: number) => number
  const dup2 = libc.func('int dup2(int, int)') as (from: number, to: number) => number
  const saved = dup(STDERR)
  const nowhere = openSync(devNull, 'w')
  dup2(nowhere, STDERR)
  try {
    return work()
  } finally {
    dup2(saved, STDERR)
    closeSync(saved)
    closeSync(nowhere)
  }
}
