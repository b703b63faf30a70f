/** `elbo em MODEL`: fits a model by expectation-maximization or a variant; one command per model, with its own settings. */
import { emMethods } from '../../methods/list.js'
import { type Method, resolveRun } from '../../methods/method.js'
import { text } from '../../settings/setting.js'
import { type Command, type CommandGroup, command } from '../command.js'
import { trainRequested } from './train.js'

export const em: CommandGroup = {
  name: 'em',
  summary: 'fits a model by exact EM, Monte Carlo EM or mean field; writes checkpoints/RUN/ like train',
  argument: 'model',
  commands: emMethods.map(emCommand),
}

function emCommand(method: Method): Command {
  const { name, summary, flags, examples, settings } = method
  return command({
    name,
    summary,
    options: {
      run: text(`name of the run (default: the first unused of ${name}-1, ${name}-2, …)`),
      ...flags,
    },
    finishesOnInterrupt: true,
    switches: { resume: 'resume the run where it stopped, bit for bit' },
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
