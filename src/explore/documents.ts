/** Every document below `api/`, by its path: what the server answers and what `--export` writes. */
import { join } from 'node:path'
import { readRunConfig } from '../runs/config-file.js'
import { listRuns } from '../runs/directory.js'
import { type Answer, bytes, json, missing } from './answer.js'
import { runImages } from './images.js'
import { describeModel, networkFile, stateReader } from './models.js'
import { listPictures, picture } from './pictures.js'
import type { About, MetricsOf, RunSummary } from './protocol.js'
import { runSummaries } from './summaries.js'
import { metricsTails, type Tail } from './tail.js'

export interface Documents {
  /** The document at a path, given as its decoded parts. Throws a `Refused`, or an Error of one line about a run. */
  answer(parts: readonly string[]): Promise<Answer>
  /** The summaries of all runs that are shown. */
  summaries(): RunSummary[]
  tail(name: string): Tail
}

/** The documents of a folder of runs; `named` runs come first. */
export function documents(about: About): Documents {
  const { checkpoints, named } = about
  const summary = runSummaries(checkpoints)
  const tail = metricsTails()
  const images = runImages()
  const states = stateReader()
  const names = () => {
    const all = listRuns(checkpoints)
    return [...named.filter(name => all.includes(name)), ...all.filter(name => !named.includes(name))]
  }
  const folderOf = (name: string) => {
    if (!listRuns(checkpoints).includes(name))
      throw missing(`there is no run '${name}' in ${checkpoints}: it was deleted or renamed`)
    return join(checkpoints, name)
  }
  const ofRun = async (name: string, [kind = '', ...rest]: readonly string[]): Promise<Answer> => {
    const folder = folderOf(name)
    const [first = '', second = '', third = ''] = rest
    const found = `${kind} ${rest.length}`
    if (found === 'metrics.json 0') return json(metricsOf(name, 0, tail(folder)))
    if (found === 'config.json 0') return json(readRunConfig(folder))
    if (found === 'model.json 0') return json(describeModel(folder, name))
    if (found === 'networks 3') return networkFile(folder, first, second, third)
    if (found === 'images 1') return json((await images(folder, withoutEnding(first, '.json'))).about())
    if (found === 'images 3') return imageBlock(await images(folder, first), second, third)
    if (found === 'tensors 1') return states.list(folder, name, withoutEnding(first, '.json'))
    if (found === 'tensors 2') return states.values(folder, first, numberOf(withoutEnding(second, '.bin')))
    if (found === 'pictures.json 0') return json(listPictures(folder))
    if (found === 'pictures 1') return picture(folder, first)
    throw missing('there is no such document')
  }
  const summaries = () => names().map(name => summary(name))
  return {
    summaries,
    tail: name => tail(join(checkpoints, name)),
    async answer([first = '', name, ...rest]) {
      if (first === 'about.json' && name === undefined) return json(about)
      if (first === 'runs.json' && name === undefined) return json(summaries())
      if (first === 'runs' && name !== undefined) return ofRun(name, rest)
      throw missing('there is no such document')
    },
  }
}

export const metricsOf = (name: string, from: number, { lines, error }: Tail): MetricsOf => ({
  name,
  from,
  lines: lines.slice(from),
  ...(error !== undefined && { error }),
})

function withoutEnding(name: string, ending: string): string {
  if (!name.endsWith(ending)) throw missing('there is no such document')
  return name.slice(0, -ending.length)
}

function numberOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw missing('there is no such document')
  return Number(text)
}

function imageBlock(images: Awaited<ReturnType<ReturnType<typeof runImages>>>, kind: string, file: string): Answer {
  if (kind !== 'grey' && kind !== 'read') throw missing('there is no such document')
  return bytes(images.block(kind, numberOf(withoutEnding(file, '.bin'))))
}
