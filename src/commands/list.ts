/** The list of all commands, in the order of `elbo --help`. */
import { backends } from './backends.js'
import { bench } from './bench/bench.js'
import { check } from './check/check.js'
import type { Command, CommandGroup } from './command.js'
import { compare } from './compare/compare.js'
import { completionOf } from './completion/completion.js'
import { data } from './data.js'
import { encode } from './encode/encode.js'
import { evaluate } from './evaluate/evaluate.js'
import { explore } from './explore.js'
import { exportModel } from './export.js'
import { gradients } from './gradients/gradients.js'
import { interpolate } from './interpolate.js'
import { manifold } from './manifold.js'
import { posterior } from './posterior.js'
import { presets } from './presets.js'
import { reconstruct } from './reconstruct.js'
import { runs } from './runs.js'
import { sample } from './sample.js'
import { score } from './score/score.js'
import { setup } from './setup.js'
import { em } from './train/em.js'
import { train } from './train/train.js'
import { traverse } from './traverse.js'

const others = [
  train,
  em,
  compare,
  presets,
  data,
  sample,
  reconstruct,
  interpolate,
  manifold,
  traverse,
  posterior,
  evaluate,
  encode,
  score,
  gradients,
  runs,
  explore,
  check,
  bench,
  backends,
  setup,
  exportModel,
] as (Command | CommandGroup)[]

export const commands: readonly (Command | CommandGroup)[] = [...others, completionOf(others)]
