// The npm scripts of package.json are the commands of elbo.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commandLine } from '../support/command-line.js'
import { repository } from '../support/repository.js'

test('every command of elbo is an npm script too, and no script names a command that is gone', () => {
  const [, list = ''] = /^Commands:\n([\s\S]*)/m.exec(commandLine().succeed('--help')) ?? []
  const commands = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name).filter(name => name !== 'help')
  const scripts: Record<string, string> = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).scripts
  const ours = Object.entries(scripts).filter(([, text]) => text.includes('dist/cli.js'))
  for (const [name, text] of ours) expect(text).toMatch(new RegExp(`node dist/cli\\.js ${name}$`))
  expect(ours.map(([name]) => name).sort()).toEqual(commands.sort())
})
