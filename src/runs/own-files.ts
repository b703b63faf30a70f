/** The files that a run or a comparison consists of: no option that names an output may replace them. */
import { existsSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { followLinks, whyUnwritable } from '../files/files.js'
import { UsageError } from '../settings/setting.js'

interface Kind {
  name: string
  /** A folder that holds the first of these files, and one of the others, is of this kind. */
  first: string
  others: readonly string[]
  /** Paths within it that are its own. Other pictures in images/ and plots/ are not. */
  own: RegExp
}

const kinds: readonly Kind[] = [
  {
    name: 'run',
    first: 'config.json',
    others: ['snapshots', 'lock'],
    own: /^(?:(?:config\.json|metrics\.jsonl|lock|latest|best|snapshots|tensorboard)(?:\/|$)|plots\/(?:elbo|half-steps)\.|images\/\w+-epoch-\d+\.)/,
  },
  {
    name: 'comparison',
    first: 'settings.json',
    others: ['compare.json', 'lock'],
    own: /^(?:settings\.json|lock|compare\.(?:json|csv|svg|png))(?:\/|$)/,
  },
]

/** Throws a `UsageError` if the output that `flag` names cannot be written, or is a run's own file: said before the work is done. */
export function requireWritable(flag: string, path: string | null): void {
  refuseOwnFile(flag, path)
  const reason = path === null ? undefined : whyUnwritable(path)
  if (reason !== undefined) throw new UsageError(`${flag} ${path}: ${reason}`)
}

/** Throws a `UsageError` if the output that `flag` names is a run's own file, also by way of links. */
export function refuseOwnFile(flag: string, path: string | null | undefined): void {
  if (path == null) return
  const target = targetOf(resolve(path))
  for (let folder = dirname(target); folder !== dirname(folder); folder = dirname(folder)) {
    const kind = kinds.find(one => isOfKind(folder, one) && one.own.test(relative(folder, target)))
    if (kind)
      throw new UsageError(`${flag} ${path}: this belongs to the ${kind.name} ${basename(folder)}; choose another path`)
  }
}

const isOfKind = (folder: string, { first, others }: Kind): boolean =>
  existsSync(join(folder, first)) && others.some(name => existsSync(join(folder, name)))

/** Where a path leads, though its last folders may be missing. */
function targetOf(path: string): string {
  try {
    return followLinks(path)
  } catch {
    return path === dirname(path) ? path : join(targetOf(dirname(path)), basename(path))
  }
}
