/** Prints docs/settings.md, every option of every command at length, from the data of the built commands: node scripts/settings-page.mjs > docs/settings.md */
import { flagsOf } from '../dist/commands/flags.js'
import { allCommands } from '../dist/commands/list.js'
import { groups } from '../dist/settings/flag-names.js'

/** Flags of every command, described once. */
const COMMON = ['--checkpoints', '--json', '--debug']

const leaves = (await allCommands()).flatMap(one =>
  'commands' in one ? one.commands.map(member => ({ ...member, name: `${one.name} ${member.name}` })) : [one],
)

const cell = text => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** The valid values and the default. */
const valuesOf = ({ setting, choices, values }, options) =>
  setting === undefined || choices.length > 0 ? values : `${options[setting].expected} ${values}`.trim()

const row = (flag, options) => {
  const { name, placeholder, description, details } = flag
  const phrase = `${description.charAt(0).toUpperCase()}${description.slice(1)}.`
  const term = placeholder ? `${name} <${placeholder}>` : name
  return `| \`${term}\` | ${cell(valuesOf(flag, options))} | ${cell(details === '' ? phrase : details)} |`
}

const heading = group => `**${group.charAt(0).toUpperCase()}${group.slice(1)}**`

function section(command) {
  const flags = flagsOf(command).filter(({ name }) => !COMMON.includes(name))
  const argument =
    command.argument === undefined ? '' : command.isOptional ? ` [${command.argument}]` : ` <${command.argument}>`
  const tables = groups
    .map(group => [group, flags.filter(flag => flag.group === group)])
    .filter(([, members]) => members.length > 0)
    .map(
      ([group, members]) =>
        `${heading(group)}\n\n| option | values | |\n|---|---|---|\n${members.map(flag => row(flag, command.options)).join('\n')}`,
    )
  return [`## elbo ${command.name}${argument}`, `${command.name}: ${command.summary}.`, ...tables].join('\n\n')
}

const [first] = leaves
const common = flagsOf(first).filter(({ name }) => COMMON.includes(name))

process.stdout.write(`# Settings

<!-- Written by scripts/settings-page.mjs; a test compares it with the data of the commands. -->

Every option of every command. \`elbo COMMAND --help\` has the same in short, \`elbo presets\` lists the presets. A setting of a run is
also a key of its config.json, in camel case: \`--latent-dim\` is \`latentDim\`; \`off\` is null there.

Every command also has:

| option | values | |
|---|---|---|
${common.map(flag => row(flag, {})).join('\n')}

${leaves.map(section).join('\n\n')}
`)
