/** Workers of a cluster on this machine, each a process that runs a script and prints one JSON value. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { freeAddresses } from '../../src/commands/launch.js'
import { repository } from './repository.js'

/** What each of `count` workers printed. The script in test/support/ is given the worker's number, the addresses of all, and `args`. */
export async function answersOfWorkers<T>(script: string, count: number, args: readonly string[]): Promise<T[]> {
  const addresses = (await freeAddresses(count)).join(',')
  const path = join(repository, 'test/support', script)
  return Promise.all(Array.from({ length: count }, (_, index) => answer<T>([path, String(index), addresses, ...args])))
}

function answer<T>(command: readonly string[]): Promise<T> {
  const worker = spawn(process.execPath, command)
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    worker[name].on('data', part => {
      said[name] += part
    })
  return new Promise((resolve, reject) => {
    worker.on('close', code =>
      code === 0 ? resolve(JSON.parse(said.stdout)) : reject(new Error(`worker ${command[1]}: ${said.stderr}`)),
    )
  })
}
