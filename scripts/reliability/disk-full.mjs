// What happens if, from some call on, every call that changes a file of a run fails: a full disk (after short writes), a folder or a file
// system that may not be written to. The command must end with one line that names a file or folder, and once there is space again the run is
// continued, and its end compared byte for byte (but for times) with that of the command that never failed.
//   node scripts/reliability/disk-full.mjs [--only SCENARIO] [--code CODE] [--count N]
// --only    one of the scenarios of scenarios.mjs; default: all
// --code    ENOSPC, EACCES or EROFS; default: all
// --count   moments of each scenario and code, evenly spread; 0: all

import { evenly, readOptions } from './options.mjs'
import { scenarios } from './scenarios.mjs'
import {
  conclude,
  continueTrial,
  copyFolder,
  describeTrouble,
  newTally,
  openLaboratory,
  prepareScenario,
} from './trial.mjs'

const { only, code, count } = readOptions({ only: '', code: '', count: 15 })
const codes = ['ENOSPC', 'EACCES', 'EROFS'].filter(one => code === '' || one === code)
const laboratory = await openLaboratory('full')
try {
  const tallies = []
  for (const name of Object.keys(scenarios).filter(one => only === '' || one === only))
    tallies.push(...(await tryScenario(name)))
  conclude(tallies)
} finally {
  await laboratory.close()
}

async function tryScenario(name) {
  const scenario = await prepareScenario(laboratory, name)
  const calls = scenario.moments.slice(0, -1)
  const tallies = []
  for (const one of codes) {
    const tally = newTally(`${name}, ${one}`)
    const reached = new Map()
    for (const call of evenly(calls, count)) {
      const found = await tryFailure(scenario, { at: call.at, code: one }, reached)
      tally.add(found, `from call ${call.at}, ${call.name} ${call.path.replace(`${laboratory.stopped}/`, '')}`)
    }
    tallies.push(tally)
  }
  return tallies
}

async function tryFailure(scenario, fail, reached) {
  const { stopper, stopped } = laboratory
  copyFolder(scenario.start, stopped)
  const answer = await stopper.run({ words: scenario.command, checkpoints: stopped, fail })
  const bad = describeTrouble(answer) ?? describeError(answer, scenario)
  return bad ? { outcome: 'wrong', why: bad } : continueTrial(laboratory, scenario, stopped, reached)
}

/** What is wrong with how the command ended; undefined if nothing is. A repair whose files were whole enough may end without an error. */
function describeError({ ok, error }, { name }) {
  if (ok) return 'it ended as if nothing had failed'
  if (error === undefined) return name === 'repair' ? undefined : 'it failed without an error'
  if (error.kind !== 'Error') return `exit code 2: ${error.message}`
  if (error.message.includes('\n') || !error.message.includes(laboratory.stopped)) return `unclear: ${error.message}`
  return undefined
}
