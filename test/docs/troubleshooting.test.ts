// docs/troubleshooting.md quotes messages that the program has, and docs/commands.md commands that it knows.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commandLine } from '../support/command-line.js'
import { repository } from '../support/repository.js'
import { blocksOf } from './blocks.js'

const read = (path: string) => readFileSync(join(repository, path), 'utf8')
const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' }).filter(name =>
  name.endsWith('.ts'),
)

test('the quoted messages exist, but for the numbers and names in them', () => {
  const program = sources.map(name => read(`src/${name}`)).join('\n')
  const rows = [...read('docs/troubleshooting.md').matchAll(/^\| (.*?) \|/gm)].map(([, cell = '']) => cell)
  const quoted = rows.flatMap(cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message))
  const messages = quoted.filter(message => message.includes(' ') && !OF_OTHERS.includes(message))
  expect(messages.length).toBeGreaterThan(25)
  const missing = messages.filter(message =>
    message
      .split(/…|\d+|NaN|\b(?:tensorflow|cuda)\b/)
      .map(part => part.trim())
      .some(part => !program.includes(part)),
  )
  expect(missing).toEqual([])
})

/** Messages of TF.js. */
const OF_OTHERS = ["Kernel '…' not registered for backend 'tensorflow'"]

test('every command is in docs/commands.md, and the program knows each that is there', () => {
  const [block] = blocksOf('docs/commands.md')
  const shown = [...(block?.code ?? '').matchAll(/^npx elbo (\w+)/gm)].map(([, command]) => command)
  const help = commandLine().succeed('--help')
  expect(shown.length).toBeGreaterThan(20)
  for (const command of new Set(shown)) expect(help).toMatch(new RegExp(`^ +${command}\\b`, 'm'))
})
