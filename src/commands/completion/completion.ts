/** `elbo completion SHELL`: a script for the user's shell that completes commands, flags, choices and names of runs. */
import { nearest } from '../../settings/nearest.js'
import { shortened, UsageError } from '../../settings/setting.js'
import { type Command, type CommandGroup, command } from '../command.js'
import { bashScript } from './bash.js'
import { fishScript } from './fish.js'
import { wordsOf } from './words.js'
import { zshScript } from './zsh.js'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }
const shells = Object.keys(scripts) as (keyof typeof scripts)[]

/** The command that completes `others` and itself. */
export function completionOf(others: readonly (Command | CommandGroup)[]): Command {
  const own: Command = command({
    name: 'completion',
    summary: 'prints a completion script for bash, zsh or fish',
    argument: 'shell',
    argumentDescription: shells.join(', '),
    argumentChoices: shells,
    options: {},
    examples: [
      'completion bash > ~/.local/share/bash-completion/completions/elbo',
      'completion zsh > ~/.zfunc/_elbo # a folder of $fpath',
      'completion fish > ~/.config/fish/completions/elbo.fish',
    ],
    async run({ argument }, { print }) {
      const shell = shells.find(name => name === argument)
      if (shell === undefined)
        throw new UsageError(
          `completion ${shortened(argument)}: one of ${shells.join(', ')} was expected; did you mean ${nearest(argument, shells)}?`,
        )
      const script = scripts[shell](wordsOf([...others, own]))
      for (const line of script.trimEnd().split('\n')) print(line)
      return { json: { shell, script } }
    },
  })
  return own
}
