// The commands of the built program as functions, with their words read as its command line reads them.

import { built } from './paths.mjs'

const { train } = await built('commands/train/train.js')
const { em } = await built('commands/train/em.js')
const { compare } = await built('commands/compare/compare.js')
const { check } = await built('commands/check/check.js')

const { runs } = await built('commands/runs.js')
const { parseFlag, UsageError } = await built('settings/setting.js')

const commands = { train, compare, check, runs }

/** The command and its input: `train --run a`, `em MODEL --run a`, `check a --repair`. Throws what the program throws for wrong values. */
export function readWords([name, ...words]) {
  const model = name === 'em' ? words.shift() : undefined
  const command = model === undefined ? commands[name] : em.commands.find(one => one.name === model)
  const given = {}
  const switches = {}
  const names = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const option = word.slice(2).replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase())
    if (!word.startsWith('--')) names.push(word)
    else if (Object.hasOwn(command.switches ?? {}, option)) switches[option] = true
    else given[option] = parseFlag(option, optionOf(command, option), words[++i])
  }
  const defaults = Object.fromEntries(Object.entries(command.options).map(([key, { value }]) => [key, value]))
  const input = { argument: names[0] ?? '', arguments: names, given, values: { ...defaults, ...given }, switches }
  return { command, input }
}

function optionOf({ options, name }, option) {
  if (options[option]) return options[option]
  throw new UsageError(`${name} has no option ${option}`)
}
