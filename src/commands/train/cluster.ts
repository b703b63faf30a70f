/** Which cluster this process belongs to: by `--cluster` and `--task`, by TF_CONFIG as TensorFlow reads it, or by Slurm's variables. */
import { isIP } from 'node:net'
import { z } from 'zod'
import type { Cluster } from '../../libtensorflow/cluster.js'
import { parseJson } from '../../settings/json.js'
import { inGroup, setting, text, UsageError, wholeNumber } from '../../settings/setting.js'

/** The options of a command whose processes can work together. */
export const clusterOptions = inGroup('machine', {
  cluster: {
    ...text(
      [
        'workers on other machines',
        'The addresses HOST:PORT of all workers, separated by commas, the same on each; or slurm, to take them from the variables of a Slurm job. Without it the variable TF_CONFIG counts, as in TensorFlow.',
      ],
      { placeholder: 'list', unset: 'off' },
    ),
  },
  task: {
    ...setting(
      z.int().min(0).max(1023).nullable(),
      null,
      'a whole number from 0 to 1023',
      ['number of this worker', 'The number of this worker in --cluster, from 0. Worker 0 writes the run.'],
      (text: string) => (text.trim() === '' ? text : Number(text)),
    ),
    placeholder: 'n',
  },
  maxRestarts: wholeNumber([0, 1000], 0, [
    'restarts after a failure',
    'How often --workers starts all its processes again, from the last snapshot, when one of them fails.',
  ]),
})

export interface ClusterValues {
  cluster: string | null
  task: number | null
}

type Environment = Readonly<Record<string, string | undefined>>

/** The cluster and the place in it; undefined if this process is alone. Throws a `UsageError` if it is not described completely. */
export function clusterOf(
  { cluster, task }: ClusterValues,
  environment: Environment = process.env,
): Cluster | undefined {
  if (cluster === 'slurm') return checked(fromSlurm(environment), '--cluster slurm')
  if (cluster !== null) {
    if (task === null) throw new UsageError('--cluster: add --task, the number of this worker, from 0')
    return checked({ workers: cluster.split(','), index: task }, '--cluster')
  }
  if (task !== null) throw new UsageError('--task: add --cluster, the addresses of all workers')
  const { TF_CONFIG } = environment
  return TF_CONFIG === undefined || TF_CONFIG.trim() === '' ? undefined : checked(fromTfConfig(TF_CONFIG), 'TF_CONFIG')
}

const tfConfig = z.object({
  cluster: z.object({ worker: z.array(z.string()).min(1) }).catchall(z.array(z.string())),
  task: z.object({ type: z.string(), index: z.int().min(0) }),
})

/** TF_CONFIG as MultiWorkerMirroredStrategy takes it: {"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}. */
function fromTfConfig(text: string): Cluster {
  let given: unknown
  try {
    given = parseJson(text)
  } catch (error) {
    throw new UsageError(`TF_CONFIG: ${(error as Error).message}`)
  }
  const parsed = tfConfig.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new UsageError(
      `TF_CONFIG: ${issue?.path.join('.')}: ${issue?.message}; expected {"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}}`,
    )
  }
  const { cluster, task } = parsed.data
  const others = Object.keys(cluster).filter(job => job !== 'worker')
  if (others.length > 0 || task.type !== 'worker')
    throw new UsageError(
      `TF_CONFIG: there are jobs other than 'worker' (${[...others, task.type].join(', ')}); use workers only`,
    )
  return { workers: cluster.worker, index: task.index }
}

const FIRST_PORT = 8888

/** One worker for each task of a Slurm job step, in the order of the tasks. */
function fromSlurm(environment: Environment): Cluster {
  const variable = (name: string) => {
    const value = environment[name]
    if (value === undefined) throw new UsageError(`--cluster slurm: ${name} is not set; start with srun`)
    return value
  }
  const hosts = hostsOf(variable('SLURM_STEP_NODELIST'))
  const tasks = tasksPerNode(variable('SLURM_STEP_TASKS_PER_NODE'))
  if (hosts.length !== tasks.length)
    throw new UsageError(`--cluster slurm: ${hosts.length} nodes, but numbers of tasks for ${tasks.length}`)
  const workers = hosts.flatMap((host, i) =>
    Array.from({ length: tasks[i] ?? 0 }, (_, k) => `${host}:${FIRST_PORT + k}`),
  )
  return { workers, index: Number(variable('SLURM_PROCID')) }
}

/** Slurm's list of hosts, such as `a[01-03,7],b`. */
function hostsOf(list: string): string[] {
  return [...list.matchAll(/([^,[\]]+)(?:\[([^\]]*)\])?/g)].flatMap(([, prefix = '', ranges]) => {
    if (ranges === undefined) return [prefix]
    return ranges.split(',').flatMap(range => {
      const [first = '', last = first] = range.split('-')
      const count = Number(last) - Number(first) + 1
      return Array.from(
        { length: count },
        (_, i) => `${prefix}${String(Number(first) + i).padStart(first.length, '0')}`,
      )
    })
  })
}

/** Slurm's numbers of tasks, such as `2(x3),1`. */
const tasksPerNode = (list: string): number[] =>
  list.split(',').flatMap(part => {
    const [, tasks = '0', times = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part) ?? []
    return new Array<number>(Number(times)).fill(Number(tasks))
  })

function checked(cluster: Cluster, where: string): Cluster {
  const { workers, index } = cluster
  for (const address of workers) {
    const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(address) ?? []
    if (host === '' || Number(port) < 1 || Number(port) > 65_535)
      throw new UsageError(`${where}: '${address}' is not an address; HOST:PORT was expected`)
    if (isPublic(host))
      throw new UsageError(
        `${where}: ${host} is a public address, and workers take orders from everybody who reaches their port; use addresses of a private network`,
      )
  }
  if (new Set(workers).size < workers.length) throw new UsageError(`${where}: two workers have the same address`)
  if (!(index < workers.length))
    throw new UsageError(`${where}: there is no worker ${index} among ${workers.length}, which are numbered from 0`)
  return cluster
}

/** Whether a host is a number of the public internet (RFC 1918, 3927, 4193, 6598). Names are not looked up. */
function isPublic(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) === 6) return !/^(::1$|fe[89ab]|f[cd])/i.test(bare)
  if (isIP(bare) !== 4) return false
  return !/^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(bare)
}
