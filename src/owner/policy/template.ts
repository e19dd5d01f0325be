import { MERGE_NAMES } from '../../algorithm/merge/registry.ts'
import { OBJECTIVES } from '../../algorithm/objective/registry.ts'
import { SERVER_STEPS } from '../../algorithm/server/registry.ts'
import { FORMAT_KEY } from '../../config/config-format.ts'
import { LAYER_TYPES, POLICY_FILE } from './policy.ts'

const listed = (names: readonly string[]) => `[${names.join(', ')}]`

/** A new policy: every key with what it means, set so that an experiment of defaults fits and labels stay here. */
export const policyTemplate = (): string => `\
# A policy: what an experiment may ask of this owner, and what this owner tells of itself.
# Whoever asks for more is refused, with every reason, before anything is trained.
# A key that is left out, or stands behind a #, limits nothing. Without this file everything is allowed and shared.
# Images never leave this machine, whatever stands here.

# The format of this file, by which every later fedunify knows how to read it.
${FORMAT_KEY}: ${POLICY_FILE.format}

# Names that may be asked for. To refuse one, take it out of its list.
allow:
  # What a model may be made of.
  layers: ${listed(LAYER_TYPES)}
  # How the server may merge: this owner cannot see whether it keeps to that. A rule of the experiment's own goes by the
  # name of its file, as my-rule.mjs, and is refused unless it stands here. It never runs on this machine.
  merge: ${listed(MERGE_NAMES)}
  # What the server may make of the merged model.
  server: ${listed(Object.keys(SERVER_STEPS))}
  # What this owner may be told to minimise.
  objective: ${listed(Object.keys(OBJECTIVES))}

# Numbers that may be asked for at most.
most:
  # Of a model: each takes 4 bytes, each time that it comes in or goes out.
  parameters: 5000000
  # Of one experiment.
  rounds: 100
  # Each epoch goes once over all images of this owner.
  local-epochs: 5
  # A round that takes longer is given up, and the experiment refused.
  seconds-per-round: 3600

# What goes out beside the weights and the number of images.
share:
  # Accuracies and losses. Without them the run knows the unified accuracy of the other owners alone.
  metrics: true
  # How many images there are of each class. A confusion matrix tells it too, and stays here with it.
  labels: false
`
