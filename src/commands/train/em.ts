/** `elbo em MODEL`: fits a model by expectation-maximization or a variant; one command per model, with its own settings. */
import { emMethods } from '../../methods/list.js'
import { type Method, resolveRun } from '../../methods/method.js'
import { grouped, text } from '../../settings/setting.js'
import { type Command, type CommandGroup, command } from '../command.js'
import { resumeSwitch, trainRequested } from './train.js'

export const em: CommandGroup = {
  name: 'em',
  summary: 'fits a model by EM or a variant',
  argument: 'model',
  commands: emMethods.map(emCommand),
}

function emCommand(method: Method): Command {
  const { name, summary, flags, examples, settings } = method
  return command({
    name,
    summary,
    options: {
      run: grouped('run', text('name of the run', { placeholder: 'run', unset: `the first unused ${name}-N` })),
      ...flags,
    },
    finishesOnInterrupt: true,
    switches: resumeSwitch,
    examples,
    run({ given: { run = null, ...given }, switches }, context) {
      return trainRequested(
        {
          method,
          run,
          prefix: name,
          resume: switches.resume === true,
          fresh: () => resolveRun(method, given),
          resumed: saved => settings.resume(saved, given),
        },
        context,
      )
    },
  }) as Command
}
