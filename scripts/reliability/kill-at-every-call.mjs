// What is left if the process is killed before any of the calls that change a file of a run: train, em, compare, their --resume, and
// check --repair, with writes in two halves. Each time `elbo check` reads what is left, the run is continued, and its end is compared byte
// for byte (but for times) with that of the command that was never killed.
//   node scripts/reliability/kill-at-every-call.mjs [--only SCENARIO] [--count N] [--from CALL] [--real N] [--list 1]
// --only    one of the scenarios of scenarios.mjs; default: all
// --count   moments of each scenario, evenly spread; 0: all
// --from    the number of a call, to repeat a trial: the moments from it on, as many as --count says
// --real    of these, how many are also tried by a real SIGKILL of a process; the others continue from a copy of the folder made just before
//           the call, which is what a kill leaves: it changes no file, and the locks of a process end with it
// --list    print every moment

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { evenly, readOptions } from './options.mjs'
import { program } from './paths.mjs'
import { scenarios } from './scenarios.mjs'
import { conclude, continueTrial, copyFolder, newTally, openLaboratory, prepareScenario, record } from './trial.mjs'

const { only, count, from, real, list } = readOptions({ only: '', count: 0, from: 0, real: 0, list: 0 })
const laboratory = await openLaboratory('kills')
try {
  const names = Object.keys(scenarios).filter(name => only === '' || name === only)
  const tallies = []
  for (const name of names) tallies.push(...(await tryScenario(name)))
  conclude(tallies)
} finally {
  await laboratory.close()
}

async function tryScenario(name) {
  const scenario = await prepareScenario(laboratory, name)
  const states = join(laboratory.home, `states-${name}`)
  copyFolder(undefined, states)
  const at = count === 0 && from === 0 ? undefined : choose(scenario.moments).map(moment => moment.at)
  const { moments } = await record(laboratory, scenario, { states, at })
  const tally = newTally(name)
  await tryRecorded(scenario, states, choose(moments), tally)
  if (real === 0) return [tally]
  const killed = newTally(`${name}, by SIGKILL`)
  await tryReal(scenario, evenly(moments.slice(0, -1), real), killed)
  return [tally, killed]
}

function choose(moments) {
  if (from === 0) return evenly(moments, count)
  return moments.slice(from - 1, count === 0 ? undefined : from - 1 + count)
}

/** Moments between which no file changed leave the same, so they are tried once and counted each. */
async function tryRecorded(scenario, states, moments, tally) {
  const reached = new Map()
  const work = join(laboratory.home, 'work')
  let last
  for (const moment of moments) {
    if (last?.state !== moment.state) {
      copyFolder(join(states, String(moment.state)), work)
      const found = await continueTrial(laboratory, scenario, work, reached, moment.epochs)
      last = { state: moment.state, found }
    }
    if (list) console.log(`${scenario.name} ${describeMoment(moment)}: ${last.found.outcome}`)
    tally.add(last.found, describeMoment(moment))
  }
}

function describeMoment({ at, name, path }) {
  return `before call ${at}, ${name} ${path.replace(`${laboratory.stopped}/`, '')}`
}

async function tryReal(scenario, moments, tally) {
  const reached = new Map()
  const preload = fileURLToPath(new URL('preload.mjs', import.meta.url))
  for (const moment of moments) {
    copyFolder(scenario.start, laboratory.stopped)
    const env = { ELBO_BENEATH: laboratory.stopped, ELBO_KILL_AT: String(moment.at), ELBO_CUT_WRITES: '1' }
    const { signal } = spawnSync(
      process.execPath,
      ['--import', preload, program, ...scenario.command, '--checkpoints', laboratory.stopped],
      { stdio: 'ignore', env: { ...process.env, ...env } },
    )
    const found =
      signal === 'SIGKILL'
        ? await continueTrial(laboratory, scenario, laboratory.stopped, reached)
        : { outcome: 'wrong', why: `the process was not killed, so it made fewer calls` }
    tally.add(found, describeMoment(moment))
  }
}
