// Inputs and outputs of a graph (TF_Output), by the names of nodes.
import type { CApi, Graph } from './c-api.js'

/**
 * The TF_Outputs of these names, `node` or `node:index`. Each is a struct of an operation's address and an int, 16 bytes, here two 64-bit
 * numbers. Throws an Error that begins with `where` if the graph lacks a name.
 */
export function ports(api: CApi, graph: Graph, names: readonly string[], where: string): BigUint64Array {
  return BigUint64Array.from(names.flatMap(name => port(api, graph, name, where)))
}

function port(api: CApi, graph: Graph, name: string, where: string): [bigint, bigint] {
  const [node = '', index = '0'] = name.split(':')
  const operation = api.TF_GraphOperationByName(graph, node)
  if (operation === null || !/^\d+$/.test(index)) throw new Error(`${where}: its graph has no "${name}"`)
  return [operation, BigInt(index)]
}
