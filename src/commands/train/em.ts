/** `elbo em MODEL`: fits a model by expectation-maximization or a variant; one command per model, with its own settings. */
import { emMethods } from '../../methods/list.js'
import { type Method, resolveRun } from '../../methods/method.js'
import { grouped, text } from '../../settings/setting.js'
import { clusterOf, clusterOptions, restartOption } from '../cluster.js'
import { type Command, type CommandGroup, command } from '../command.js'
import { requireRestartable, resumeSwitch, trainRequested } from './train.js'

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
      ...clusterOptions,
      maxRestarts: restartOption,
    },
    finishesOnInterrupt: true,
    switches: resumeSwitch,
    examples,
    run(
      {
        values: { cluster, task, maxRestarts },
        given: { run = null, cluster: _cluster, task: _task, maxRestarts: _restarts, ...given },
        switches,
      },
      context,
    ) {
      requireRestartable(maxRestarts, run)
      return trainRequested(
        {
          method,
          run,
          prefix: name,
          cluster: clusterOf({ cluster, task }),
          maxRestarts,
          resume: switches.resume === true,
          fresh: () => resolveRun(method, given),
          resumed: saved => settings.resume(saved, given),
        },
        context,
      )
    },
  }) as Command
}
