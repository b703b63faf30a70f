// How a worker learns its place: --cluster and --task, TF_CONFIG, Slurm.
import { expect, test } from 'vitest'
import { clusterOf } from '../../src/commands/train/cluster.js'

const none = { cluster: null, task: null }
const config = (cluster: object, task: object) => ({ TF_CONFIG: JSON.stringify({ cluster, task }) })
const two = { worker: ['10.0.0.1:9000', '10.0.0.2:9000'] }

test('alone without flags and variables', () => {
  expect(clusterOf(none, {})).toBeUndefined()
  expect(clusterOf(none, { TF_CONFIG: '' })).toBeUndefined()
})

test('the flags', () => {
  expect(clusterOf({ cluster: 'localhost:1,localhost:2', task: 1 }, {})).toEqual({
    workers: ['localhost:1', 'localhost:2'],
    index: 1,
  })
})

test('TF_CONFIG as MultiWorkerMirroredStrategy takes it', () => {
  expect(clusterOf(none, config(two, { type: 'worker', index: 1 }))).toEqual({ workers: two.worker, index: 1 })
})

test('Slurm: lists of hosts and of numbers of tasks', () => {
  const job = {
    SLURM_STEP_NODELIST: 'node[08-10],login,gpu[1,3]',
    SLURM_STEP_TASKS_PER_NODE: '2(x2),1(x4)',
    SLURM_PROCID: '3',
  }
  expect(clusterOf({ cluster: 'slurm', task: null }, job)).toEqual({
    workers: [
      'node08:8888',
      'node08:8889',
      'node09:8888',
      'node09:8889',
      'node10:8888',
      'login:8888',
      'gpu1:8888',
      'gpu3:8888',
    ],
    index: 3,
  })
})

test.each([
  [{ cluster: 'localhost:1', task: null }, {}, '--cluster: add --task'],
  [{ cluster: null, task: 0 }, {}, '--task: add --cluster'],
  [{ cluster: 'localhost', task: 0 }, {}, "'localhost' is not an address; HOST:PORT was expected"],
  [{ cluster: 'localhost:70000', task: 0 }, {}, "'localhost:70000' is not an address"],
  [{ cluster: 'localhost:1,localhost:1', task: 0 }, {}, 'two workers have the same address'],
  [{ cluster: 'localhost:1,localhost:2', task: 2 }, {}, 'there is no worker 2 among 2'],
  [{ cluster: '8.8.8.8:1,10.0.0.1:1', task: 0 }, {}, '8.8.8.8 is a public address'],
  [{ cluster: '[2001:db8::1]:1,10.0.0.1:1', task: 0 }, {}, 'is a public address'],
  [{ cluster: 'slurm', task: null }, {}, 'SLURM_STEP_NODELIST is not set'],
  [none, { TF_CONFIG: '{' }, 'TF_CONFIG: '],
  [none, { TF_CONFIG: '{}' }, 'expected {"cluster"'],
  [none, config(two, { type: 'worker', index: 2 }), 'there is no worker 2'],
  [none, config({ ...two, ps: ['10.0.0.3:9000'] }, { type: 'ps', index: 0 }), "other than 'worker'"],
])('%j %j is refused', (values, environment, message) => {
  expect(() => clusterOf(values, environment)).toThrow(message)
})
