// Parts of the built program: its commands as functions, with their words read as its command line reads them.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = path => new URL(`../../dist/${path}`, import.meta.url)

/** The built program. */
export const program = fileURLToPath(at('cli.js'))

if (!existsSync(program)) throw new Error(`there is no ${program}: \`npm run setup\` builds it`)

const { train } = await import(at('commands/train/train.js'))
const { em } = await import(at('commands/train/em.js'))
const { compare } = await import(at('commands/compare/compare.js'))
const { check } = await import(at('commands/check/check.js'))
const { runs } = await import(at('commands/runs.js'))
const { evaluate } = await import(at('commands/evaluate/evaluate.js'))
const { parseFlag, UsageError } = await import(at('settings/setting.js'))

const commands = { train, compare, check, runs, evaluate }

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
