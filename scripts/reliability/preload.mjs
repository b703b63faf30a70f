// Kills the process, or lets its calls fail, at a call that changes files: node --import ./scripts/reliability/preload.mjs dist/cli.js …
// ELBO_BENEATH=FOLDER      the calls that count are those that change files beneath it
// ELBO_KILL_AT=K           SIGKILL before the K-th, counted from 1
// ELBO_FAIL_AT=K:CODE      the K-th and all that follow fail with CODE: ENOSPC, EACCES, EROFS, …
// ELBO_CUT_WRITES=1        writes are done in two halves, each of which counts

import { interceptCalls } from './calls.mjs'
import { failingFrom } from './failures.mjs'

const { ELBO_BENEATH, ELBO_KILL_AT, ELBO_FAIL_AT, ELBO_CUT_WRITES } = process.env
if (!ELBO_BENEATH) throw new Error('ELBO_BENEATH: a folder was expected')

const [failAt, code] = ELBO_FAIL_AT?.split(':') ?? []
const fail = failAt === undefined ? () => {} : failingFrom(Number(failAt), code)
let calls = 0
await interceptCalls(
  ELBO_BENEATH,
  call => {
    calls++
    if (calls === Number(ELBO_KILL_AT)) process.kill(process.pid, 'SIGKILL')
    fail(call)
  },
  { cutWrites: ELBO_CUT_WRITES === '1' },
)
