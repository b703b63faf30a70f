// `--help` of every command fits a terminal of 80 columns, in groups, and its examples can be run; docs/settings.md says the same.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command as Commander } from 'commander'
import { expect, test } from 'vitest'
import type { Command } from '../../src/commands/command.js'
import { allDeclared, declared } from '../../src/commands/declared.js'
import { describeFlag, flagsOf } from '../../src/commands/flags.js'
import { declareCommand, layOut } from '../../src/commands/help.js'
import { allCommands } from '../../src/commands/list.js'
import { groups } from '../../src/settings/flag-names.js'
import { parseFlag, type Setting } from '../../src/settings/setting.js'
import { commandLine } from '../support/command-line.js'
import { repository } from '../support/repository.js'

const commands = await allCommands()

/** Every command with all its names, such as `em ppca`. */
const all: readonly (readonly [string, Command])[] = commands.flatMap(one =>
  'commands' in one
    ? one.commands.map(member => [`${one.name} ${member.name}`, member] as const)
    : [[one.name, one] as const],
)

const { succeed, elbo } = commandLine({ FORCE_COLOR: '1' })

/** The help of a command as a terminal of `columns` shows it. */
function helpOf(command: Command, columns: number): string[] {
  let text = ''
  const program = layOut(new Commander('elbo')).configureOutput({
    getOutHelpWidth: () => columns,
    writeOut: part => {
      text += part
    },
  })
  declareCommand(program, declared(command), () => undefined).outputHelp()
  return text.trimEnd().split('\n')
}

test.each(all)('elbo %s --help: two screens of 80 columns and 50 lines', (_, command) => {
  const lines = helpOf(command, 80)
  expect(lines.filter(line => line.length > 80)).toEqual([])
  expect(lines.length).toBeLessThanOrEqual(100)
})

test.each(all)('elbo %s --help: the lines of its options fit into 60 columns too', (_, command) => {
  const lines = helpOf(command, 60)
  expect(lines.slice(0, lines.indexOf('Examples:')).filter(line => line.length > 60)).toEqual([])
})

test('the list of commands fits 80 columns, and has no colour', () => {
  const lines = succeed('--help').split('\n')
  expect(lines.filter(line => line.length > 80 || line.includes('\x1b'))).toEqual([])
  for (const { name } of commands) expect(lines.some(line => line.startsWith(`  ${name} `))).toBe(true)
})

test('a group without a member prints its help to standard error', () => {
  const { stderr, status } = elbo('em')
  expect(stderr.split('\n').filter(line => line.length > 80)).toEqual([])
  expect(stderr).toContain('gaussian-mixture')
  expect(status).toBe(2)
})

test('help lists every flag once, under the headings in their order', () => {
  const [, train] = all[0] as (typeof all)[number]
  const help = succeed('train', '--help')
  const headings = [...help.matchAll(/^([A-Z][\w ]+):$/gm)].map(([, heading]) => heading?.toLowerCase())
  expect(headings).toEqual([...groups.filter(group => flagsOf(train).some(flag => flag.group === group)), 'examples'])
  const listed = [...help.matchAll(/^ {2}(--[a-z0-9-]+)/gm)].map(([, flag]) => flag)
  expect(listed).toEqual(flagsOf(train).map(({ name }) => name))
})

test('no description repeats the choices or the default that are printed beside it', () => {
  for (const [name, command] of all)
    for (const flag of flagsOf(command)) {
      expect(flag.description, `${name} ${flag.name}`).not.toMatch(/default|one of/)
      const text = describeFlag(flag)
      for (const choice of flag.choices.filter(one => one.length > 4))
        expect(
          text.split(new RegExp(`(?<![\\w-])${choice.replaceAll('+', '\\+')}(?![\\w-])`)).length - 1,
          `${name} ${text}`,
        ).toBeLessThanOrEqual(2)
    }
})

/** What is wrong with an example, as the parser would see it; undefined if nothing is. */
function wrongWith(example: string): string | undefined {
  const line = example.replace(/ (#|>) .*$/, '')
  const [name, command] = all.find(([name]) => line === name || line.startsWith(`${name} `)) ?? []
  if (name === undefined || command === undefined) return 'no such command'
  const words = line.slice(name.length).split(' ').filter(Boolean)
  const given: string[] = []
  while (words.length > 0) {
    const word = words.shift() as string
    if (!word.startsWith('--')) given.push(word)
    else {
      const flag = flagsOf(command).find(one => one.name === word)
      if (!flag) return `no flag ${word}`
      if (flag.setting !== undefined)
        parseFlag(flag.setting, command.options[flag.setting] as Setting<unknown>, words.shift() ?? '')
      else if (flag.placeholder) words.shift()
    }
  }
  const least = command.argument && !command.isOptional ? 1 : 0
  const most = command.isRepeatable ? Number.POSITIVE_INFINITY : command.argument ? 1 : 0
  return given.length < least || given.length > most ? `${given.length} arguments` : undefined
}

test.each(all)('the examples of elbo %s are valid command lines', (_, command) => {
  expect(command.examples.length).toBeGreaterThan(0)
  for (const example of command.examples) expect(wrongWith(example), example).toBeUndefined()
})

test('an example that is wrong would be found', () => {
  expect(wrongWith('train --epoch 3')).toBe('no flag --epoch')
  expect(wrongWith('sample')).toBe('0 arguments')
  expect(() => wrongWith('train --epochs many')).toThrow('--epochs many')
})

test('docs/settings.md is that of the commands: node scripts/settings-page.mjs > docs/settings.md', () => {
  const { stdout } = spawnSync(process.execPath, ['scripts/settings-page.mjs'], { cwd: repository, encoding: 'utf8' })
  expect(readFileSync(join(repository, 'docs/settings.md'), 'utf8')).toBe(stdout)
})

test('help from the file of the build is that of the loaded commands', () => {
  const written = JSON.parse(readFileSync(join(repository, 'dist/commands/declared.json'), 'utf8'))
  expect(written).toEqual(JSON.parse(JSON.stringify(allDeclared(commands))))
})

test.each(['--version', '--help', 'help sample', 'train --help', 'em -h', 'em ppca --help'])(
  'elbo %s loads no command',
  line => {
    const modules = spawnSync(process.execPath, ['dist/cli.js', ...line.split(' ')], {
      cwd: repository,
      encoding: 'utf8',
      env: { ...process.env, NODE_DEBUG: 'esm,module' },
    })
    expect(modules.status).toBe(0)
    expect(modules.stdout).not.toBe('')
    expect(modules.stderr).toContain('show-help.js')
    expect(modules.stderr).not.toMatch(/tfjs|commands\/list\.js/)
  },
)

test('a word that is not asking for help is none', () => {
  const { status, stderr } = elbo('sample', 'run', '--seed', '-h')
  expect(status).toBe(2)
  expect(stderr).toContain('--seed -h')
})
