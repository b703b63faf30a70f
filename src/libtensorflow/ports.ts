// Places in a graph where tensors go in and out: TF_Output, by the names of nodes.
import type { CApi, Graph } from './c-api.js'

/**
 * The TF_Outputs of these names, `node` or `node:index`: a struct of an operation's address and an int, 16 bytes, here two numbers of 8.
 * Throws an Error about `where` on a name that the graph lacks.
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
