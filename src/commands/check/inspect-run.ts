/** Everything of one run, read and verified: config.json, links, snapshots, metrics.jsonl, leftovers. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { RunConfig } from '../../methods/method.js'
import { readRunConfig } from '../../runs/config-file.js'
import { requireLinks, type SnapshotName, snapshotFolder, snapshotLabels } from '../../runs/directory.js'
import { leftoversOf } from '../../runs/leftovers.js'
import { isLocked } from '../../runs/lock-state.js'
import { readHistory, unfinishedLines } from '../../runs/metrics-file.js'
import type { Position } from '../../runs/snapshot.js'
import { attempt, type Checked, type Finding, failure, isGood, type Resume } from './findings.js'
import { type InspectedSnapshot, inspectSnapshot } from './inspect-snapshot.js'

export interface InspectedRun extends Checked {
  config: RunConfig | undefined
  snapshots: InspectedSnapshot[]
  leftovers: string[]
  /** Lines of metrics.jsonl after those of the latest snapshot, and what a killed process wrote of one more. */
  unfinished: number
}

/** Reads the run called `name` in `folder`; nothing is written, and the lock is not taken. `locked`: another process has it. */
export async function inspectRun(folder: string, name: string, locked = isLocked(folder)): Promise<InspectedRun> {
  const files: Finding[] = []
  const config = attempt(files, join(name, 'config.json'), () => readRunConfig(folder))
  const snapshots: InspectedSnapshot[] = []
  for (const label of snapshotLabels(folder).filter(isSnapshot))
    snapshots.push(await inspectSnapshot(folder, label, config, name))
  files.push(...snapshots.flatMap(snapshot => snapshot.files))
  const latest = linked(folder, 'latest', snapshots)
  files.push(...linkFindings(folder, name, latest, snapshots))
  const metrics = metricsFindings(folder, name, latest?.position, linked(folder, 'best', snapshots)?.position)
  files.push(...metrics)
  const leftovers = locked ? [] : leftoversOf(folder) // a training process still needs them
  files.push(
    ...leftovers.map(path => ({
      file: join(name, path),
      state: 'leftover' as const,
      message: 'half written by a process that was killed',
    })),
  )
  const unfinished = locked || !latest?.position ? 0 : unfinishedLines(folder, latest.position)
  if (unfinished > 0) {
    const message = `${unfinished} ${unfinished === 1 ? 'line' : 'lines'} of passes that the latest snapshot has not finished`
    files.push({ file: join(name, 'metrics.jsonl'), state: 'leftover', message })
  }
  return {
    name,
    whole: files.every(isGood),
    locked,
    files,
    resume: describeResume(folder, { config, latest, metrics }, files),
    repaired: [],
    config,
    snapshots,
    leftovers,
    unfinished,
  }
}

const isSnapshot = (label: string): boolean => /^step-\d{8,}(-\d+)?$/.test(label)

/** The snapshot that the link leads to; undefined if it is no link into snapshots/, or leads nowhere. */
export function linked(
  folder: string,
  name: SnapshotName,
  snapshots: readonly InspectedSnapshot[],
): InspectedSnapshot | undefined {
  const path = join(folder, name)
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined
  const target = readlinkSync(path)
  const found = snapshots.find(({ label }) => label === basename(target))
  return target === join('snapshots', found?.label ?? '') ? found : undefined
}

function linkFindings(
  folder: string,
  name: string,
  latest: InspectedSnapshot | undefined,
  snapshots: readonly InspectedSnapshot[],
): Finding[] {
  const best = linked(folder, 'best', snapshots)
  const isExpected = latest?.position === undefined || latest.position.best !== null
  const findings = [linkFinding(folder, name, 'latest', latest)]
  if (isExpected || best) findings.push(linkFinding(folder, name, 'best', best))
  const [says, is] = [latest?.position?.best?.epoch, best?.position?.epoch]
  if (says !== undefined && is !== undefined && says !== is)
    findings[1] = {
      file: join(name, 'best'),
      state: 'damaged',
      message: `is the snapshot of epoch ${is}, but latest says that epoch ${says} is the best`,
    }
  return findings
}

function linkFinding(
  folder: string,
  run: string,
  name: SnapshotName,
  snapshot: InspectedSnapshot | undefined,
): Finding {
  const file = join(run, name)
  if (snapshot?.isWhole) return { file, state: 'whole', message: `-> snapshots/${snapshot.label}` }
  if (snapshot) return { file, state: 'damaged', message: `leads to the damaged snapshots/${snapshot.label}` }
  const found = lstatSync(join(folder, name), { throwIfNoEntry: false })
  if (!found) return { file, state: 'missing', message: 'the link is missing' }
  return found.isSymbolicLink()
    ? { file, state: 'damaged', message: 'the link leads to no snapshot of this run' }
    : { file, state: 'damaged', message: 'a link into snapshots/ was expected; copy runs with their links (cp -a)' }
}

/** The metrics against both snapshots. `best` is one of the passes that the latest has finished, or newer after a kill. */
function metricsFindings(
  folder: string,
  run: string,
  latest: Position | undefined,
  best: Position | undefined,
): Finding[] {
  const file = join(run, 'metrics.jsonl')
  const isThere = existsSync(join(folder, 'metrics.jsonl'))
  if (!latest) return isThere ? [unverified(file, 'there is no latest snapshot to compare it with')] : []
  if (latest.epoch === 0) return []
  try {
    readHistory(folder, latest)
    if (best && best.epoch <= latest.epoch) readHistory(folder, best, 'best') // lines of a newer one may be dropped already
  } catch (error) {
    return [{ ...failure(file, error as Error), state: isThere ? 'damaged' : 'missing' }]
  }
  if (latest.metricsSha256 !== undefined) return [{ file, state: 'whole' }]
  return [
    unverified(file, 'its snapshot is of an older version, without a digest: only steps and the best bound agree'),
  ]
}

const unverified = (file: string, message: string): Finding => ({ file, state: 'unverified', message })

interface Found {
  config: RunConfig | undefined
  latest: InspectedSnapshot | undefined
  metrics: readonly Finding[]
}

/** What `--resume` would do; it trusts `latest`, and reads no other snapshot. */
function describeResume(folder: string, { config, latest, metrics }: Found, files: readonly Finding[]): Resume {
  if (!config) return refuse(files.find(finding => !isGood(finding)))
  const refused = refusalOfLinks(folder, files)
  if (refused) return refused
  if (!latest && snapshotFolder(folder, 'latest') !== undefined) return refuse(findingOf('latest', files))
  if (!latest) return { from: 'the beginning' }
  if (!latest.isWhole) return refuse(latest.files.find(finding => !isGood(finding)))
  const damaged = metrics.find(finding => !isGood(finding))
  if (damaged) return refuse(damaged)
  const { epoch, stepInEpoch } = latest.position as Position
  if (epoch >= config.epochs) return { from: `epoch ${epoch}, the last one: ask for more with --epochs` }
  if (latest.beginsPassAgain && stepInEpoch > 0)
    return { from: `epoch ${epoch}; the next begins again, because an older version stored its sums in another form` }
  return { from: `epoch ${epoch}, step ${stepInEpoch} of the next` }
}

/** Why `--resume` would refuse the links, in the words of the findings; undefined if it would not. */
function refusalOfLinks(folder: string, files: readonly Finding[]): Resume | undefined {
  try {
    requireLinks(folder)
    return undefined
  } catch (error) {
    const finding = findingOf('latest', files) ?? findingOf('best', files)
    return finding ? refuse(finding) : { refused: (error as Error).message }
  }
}

const findingOf = (link: SnapshotName, files: readonly Finding[]): Finding | undefined =>
  files.find(({ file, state }) => basename(file) === link && state !== 'whole')

const refuse = (finding: Finding | undefined): Resume => ({
  refused: finding ? `${finding.file}: ${finding.message ?? finding.state}` : 'the run is damaged',
})
