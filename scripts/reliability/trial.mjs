// A trial: what a stopped command left is checked and continued, and the end is compared with that of the command that was never stopped.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { difference, endState } from './end-state.mjs'
import { scenarios, writeImages } from './scenarios.mjs'
import { startWorker } from './workers.mjs'

const REPORT_EVERY = 100

/** What a trial can find, from good to bad. */
export const outcomes = ['clean', 'refused', 'lost', 'wrong']

/** A folder for everything of a tool, removed at its end, with images and workers: one to be stopped and one that continues. */
export async function openLaboratory(name) {
  const home = mkdtempSync(join(tmpdir(), `elbo-${name}-`))
  const data = join(home, 'data')
  writeImages(data)
  const stopped = join(home, 'stopped')
  const laboratory = {
    home,
    data,
    stopped,
    stopper: startWorker(stopped, { cut: true }),
    continuer: startWorker(join(home, 'nowhere')),
    async close() {
      await Promise.all([laboratory.stopper.stop(), laboratory.continuer.stop()])
      rmSync(home, { recursive: true, force: true })
    },
  }
  return laboratory
}

/** Replaces the folder `to` by a copy of `from`, times included; an empty one if `from` is undefined. */
export function copyFolder(from, to) {
  rmSync(to, { recursive: true, force: true })
  if (from === undefined) mkdirSync(to, { recursive: true })
  else spawnSync('cp', ['-a', from, to])
}

/**
 * The scenario `name` with what is there before its command (`start`, a folder), the calls of the command if nothing stops it, the last of
 * which is its end, and the end state.
 */
export async function prepareScenario(laboratory, name) {
  const scenario = { name, ...scenarios[name] }
  const command = scenario.command(laboratory.data)
  const start = scenario.start && (await startOf(laboratory, scenario.start, name))
  const { moments } = await record(laboratory, { command, start }, { at: [] })
  const whole = join(laboratory.home, `whole-${name}`)
  copyFolder(laboratory.stopped, whole)
  for (const words of scenario.next) await must(laboratory.continuer.run({ words, checkpoints: whole }), words)
  return { ...scenario, command, start, moments, expected: endState(whole), steps: continuation(scenario, command) }
}

async function startOf(laboratory, { of, stoppedAt, damage }, name) {
  const command = scenarios[of].command(laboratory.data)
  const states = join(laboratory.home, `start-${name}`)
  copyFolder(undefined, states)
  const { moments } = await record(laboratory, { command }, { at: [] })
  const at = Math.floor(moments.length * stoppedAt)
  await record(laboratory, { command }, { states, at: [at] })
  const start = join(states, String(at))
  damage?.(start)
  return start
}

/** Runs a scenario's command to its end and keeps in the folder `states` what a kill before its calls would leave: those `at`, or all. */
export async function record({ stopper, stopped }, { command, start }, { states, at }) {
  copyFolder(start, stopped)
  return must(stopper.run({ words: command, checkpoints: stopped, record: { states, at } }), command)
}

async function must(running, words) {
  const answer = await running
  if (!answer.ok) throw new Error(`${words} failed: ${answer.died ?? answer.error?.stack}`)
  return answer
}

const continuation =
  ({ began, next }, command) =>
  checkpoints =>
    existsSync(join(checkpoints, began)) ? next : [command, ...next.slice(1)]

/**
 * Continues what a stopped command left in `checkpoints`. `reached`, by run, are the finished epochs that a trial before this one found: none
 * may be lost. Returns the outcome and why.
 */
export async function continueTrial({ continuer }, scenario, checkpoints, reached, epochs = 0) {
  const judge = (outcome, why) => ({ outcome, why })
  const checked = await checkAll(continuer, scenario, checkpoints)
  if (checked.wrong) return judge('wrong', checked.wrong)
  const lost =
    lostEpochs(checked.epochs, reached) ??
    (epochs > (reached.get('a') ?? epochs) ? 'a: an epoch was printed that no snapshot has' : undefined)
  if (lost) return judge('lost', lost)
  for (const words of scenario.steps(checkpoints)) {
    const answer = await continuer.run({ words, checkpoints })
    const trouble = describeTrouble(answer)
    if (trouble) return judge('wrong', `${words.join(' ')}: ${trouble}`)
    if (answer.error) return judge('refused', `${words.join(' ')}: ${answer.error.message}`)
  }
  if (checked.refused && scenario.name !== 'repair') return judge('wrong', `check said of --resume: ${checked.refused}`)
  const differs = difference(scenario.expected, endState(checkpoints))
  return differs ? judge('wrong', `afterwards ${differs}`) : judge('clean', '')
}

/** What `elbo check` says of what was left: the epochs that each run has finished, and why `--resume` would be refused if it would. */
async function checkAll(continuer, { began, folder }, checkpoints) {
  if (!existsSync(join(checkpoints, began))) return { epochs: new Map() }
  const answer = await continuer.run({ words: ['check', folder], checkpoints })
  const trouble = describeTrouble(answer)
  if (trouble || answer.error) return { epochs: new Map(), wrong: `check: ${trouble ?? answer.error.message}` }
  const { checked } = answer.json
  const epochs = checked
    .filter(({ resume }) => !resume.refused)
    .map(({ name, resume }) => [name, Number(/^epoch (\d+)/.exec(resume.from)?.[1] ?? 0)])
  return { epochs: new Map(epochs), refused: checked.find(({ resume }) => resume.refused)?.resume.refused }
}

/** Whether a run has fewer finished epochs than at an earlier moment. */
function lostEpochs(epochs, reached) {
  for (const [run, count] of epochs) {
    const before = reached.get(run) ?? 0
    if (count < before) return `${run}: ${before} epochs were finished, ${count} are left`
    reached.set(run, count)
  }
  return undefined
}

/** What no command may do: crash, hang, or end with an error that is no line for its user. */
export function describeTrouble({ died, error }) {
  if (died) return died
  if (!error) return undefined
  const isForUsers = (error.kind === 'Error' || error.kind === 'UsageError') && !/call stack/.test(error.message)
  return isForUsers ? undefined : `an internal error: ${error.stack}`
}

/** Counts outcomes, and prints each that is not clean, and the sums at the end. */
export function newTally(title) {
  const counts = Object.fromEntries(outcomes.map(outcome => [outcome, 0]))
  const total = () => Object.values(counts).reduce((sum, count) => sum + count, 0)
  const describe = () =>
    `${title}: ${total()} tried, ${outcomes.map(outcome => `${counts[outcome]} ${outcome}`).join(', ')}`
  return {
    counts,
    add({ outcome, why }, moment) {
      counts[outcome]++
      if (total() % REPORT_EVERY === 0) console.error(`so far: ${describe()}`)
      if (outcome !== 'clean') console.log(`${title}: ${moment}: ${outcome}: ${why}`)
    },
    describe,
  }
}

/** Prints the sums of several tallies; exit code 1 if anything was lost or wrong. */
export function conclude(tallies) {
  for (const tally of tallies) console.log(tally.describe())
  const isGood = tallies.every(({ counts }) => counts.lost === 0 && counts.wrong === 0)
  console.log(isGood ? 'nothing was lost or wrong' : 'FAILED: something was lost or wrong')
  process.exitCode = isGood ? 0 : 1
}
