// The command line, with the objective `stateful` in its registry: to be run by the tests as a process.
import { OBJECTIVES } from '../../build/algorithm/objective/registry.js'
import { stateful } from './stateful-objective.mjs'

OBJECTIVES.stateful = stateful
// Not before: what follows from the registries is made as these modules are loaded.
const { start } = await import('../../build/cli/start.js')
await start()
