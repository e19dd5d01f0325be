import { distance } from 'fastest-levenshtein'
import { oneLine } from './visible.ts'

/** The exit codes of the command line, by the kind of what went wrong. */
export const EXIT = {
  ok: 0,
  missed: 1,
  usage: 2,
  data: 3,
  training: 4,
  interrupted: 130,
} as const

export type ErrorKind = Exclude<keyof typeof EXIT, 'ok'>

/**
 * Everything that can go wrong, by a code that stays the same from version to version: programs tell causes apart by it,
 * while messages are for people and may change. docs/errors.md lists the same codes.
 */
export const ERRORS = {
  E_EXPECTATION_MISSED: { kind: 'missed', meaning: 'Something that was expected of a run was missed.' },

  E_OPTION: { kind: 'usage', meaning: 'The command line has a wrong option or argument.' },
  E_CONFIG: { kind: 'usage', meaning: 'An experiment or a policy has a value that is not legal, or is not YAML.' },
  E_CONFIG_FILE: {
    kind: 'usage',
    meaning: 'A file that should hold an experiment or a policy is missing, misnamed, empty, too large or unreadable.',
  },
  E_CONFIG_FORMAT: { kind: 'usage', meaning: 'An experiment file or a policy was written for a newer fedunify.' },
  E_UNKNOWN_NAME: { kind: 'usage', meaning: 'A key, or the name of a part, does not exist.' },
  E_PART_NOT_CHOSEN: { kind: 'usage', meaning: 'An option belongs to a part that was not chosen.' },
  E_CONFLICT: { kind: 'usage', meaning: 'Two things that were asked for exclude each other, or one lacks another.' },
  E_SEVERAL_RUNS: { kind: 'usage', meaning: 'A file defines several runs, but the command needs one.' },
  E_NO_EXPECTATIONS: { kind: 'usage', meaning: 'Nothing is expected of the runs that are to be checked.' },
  E_PARTITION: { kind: 'usage', meaning: 'The images cannot be split among the owners as asked.' },
  E_MODEL: { kind: 'usage', meaning: 'The layers of the model do not fit together, or do not fit the data.' },
  E_RULE_FILE: { kind: 'usage', meaning: 'The file of a merge rule is missing, or makes no rule.' },
  E_MERGE_RULE: { kind: 'usage', meaning: 'A merge rule cannot be used with these owners or options.' },
  E_ENGINE: { kind: 'usage', meaning: 'No engine computes on that device, or in that layout.' },
  E_ENGINE_UNAVAILABLE: { kind: 'usage', meaning: 'A library, a driver or a GPU that the engine needs is not there.' },
  E_MEMORY: { kind: 'usage', meaning: 'There is not enough memory, or a limit on it is too low.' },
  E_FILE_LIMIT: { kind: 'usage', meaning: 'The limit on open files is too low.' },
  E_INSTALLATION: {
    kind: 'usage',
    meaning: 'The installation of fedunify is not whole, or Node was told not to allow what it does.',
  },
  E_DOCTOR_SETUP: { kind: 'usage', meaning: 'The doctor found something that is wrong with the set-up.' },
  E_FILE_EXISTS: { kind: 'usage', meaning: 'A file that would be written is there already.' },
  E_FILE_UNWRITABLE: {
    kind: 'usage',
    meaning: 'A file cannot be written: no permission, no such folder, or a link in its place.',
  },
  E_POLICY: { kind: 'usage', meaning: "An owner's policy does not allow what an experiment asks." },
  E_RUN_EXISTS: {
    kind: 'usage',
    meaning: 'The folder of a new run is there already, or would lie in that of another run.',
  },
  E_RUN_LOCKED: { kind: 'usage', meaning: 'Another process has the folder of the run or the owner, or took it over.' },
  E_RUN_DIFFERS: { kind: 'usage', meaning: 'What is asked of an earlier run is not what it was.' },
  E_FEDERATION_FOLDER: {
    kind: 'usage',
    meaning: 'A folder is not the one of a federation that is needed, or can no longer be used.',
  },
  E_FEDERATION_FORMAT: { kind: 'usage', meaning: 'A folder of a federation was written by a newer fedunify.' },
  E_BROKER: { kind: 'usage', meaning: 'The broker cannot be reached, or does not let this party in.' },
  E_BROKER_PROCESS: { kind: 'usage', meaning: 'The process that was named as the broker is none, or takes no signal.' },

  E_DISK_FULL: { kind: 'data', meaning: 'There is no space left to write to.' },
  E_FILE_MISSING: { kind: 'data', meaning: 'A file is missing that is needed.' },
  E_FILE_UNREADABLE: { kind: 'data', meaning: 'A file or folder cannot be read.' },
  E_SYSTEM: { kind: 'data', meaning: 'The operating system refused something that no other code names.' },
  E_DATASET: { kind: 'data', meaning: 'A file of the dataset is damaged, is another one, or does not fit the others.' },
  E_DATASET_MISSING: { kind: 'data', meaning: 'The data folder lacks files of the dataset.' },
  E_DATASET_UNREACHABLE: { kind: 'data', meaning: 'The dataset was neither found here nor fetched from anywhere.' },
  E_DATASET_TOO_LARGE: { kind: 'data', meaning: 'The dataset does not fit into memory.' },
  E_DATA_FOLDER: { kind: 'data', meaning: 'The data folder cannot be written to.' },
  E_DOCTOR_DATA: { kind: 'data', meaning: 'The doctor found something that is wrong with the data or the disk.' },
  E_PARTITION_FAULT: { kind: 'data', meaning: 'A partition lost images or dealt some of them twice.' },
  E_MODEL_FILE: {
    kind: 'data',
    meaning: 'A model to be merged is no safetensors file, does not fit the others, or holds NaN or infinity.',
  },
  E_RUN_NOT_FOUND: { kind: 'data', meaning: 'What was named is not a run, or has no such round.' },
  E_RUN_DAMAGED: { kind: 'data', meaning: 'A file is not as a run leaves it: edited, cut short or foreign.' },
  E_RUN_FORMAT: { kind: 'data', meaning: 'A file of a run was written by a newer fedunify.' },
  E_RUN_FOREIGN: { kind: 'data', meaning: 'The folder that a batch would use for a run holds another run.' },
  E_LEDGER: {
    kind: 'data',
    meaning: 'The ledger of an owner is damaged or foreign, or was moved while it was in use.',
  },
  E_LEDGER_FORMAT: { kind: 'data', meaning: 'The ledger of an owner was written by a newer fedunify.' },
  E_REFERENCE: {
    kind: 'data',
    meaning: 'What a run is to be compared with is missing, unfinished or holds no accuracies.',
  },
  E_CHECK_INCOMPLETE: {
    kind: 'data',
    meaning: 'Some runs could not be checked, because a file of theirs cannot be trusted.',
  },
  E_FEDERATION_DAMAGED: {
    kind: 'data',
    meaning: "A file in a federation's folder is missing, damaged, or does not fit the others.",
  },
  E_PROTOCOL: { kind: 'data', meaning: 'A message is not of this protocol, or not signed by its sender.' },
  E_PAYLOAD: { kind: 'data', meaning: 'Weights that were sent are not those of their digest, or too large.' },
  E_TRACKING: { kind: 'data', meaning: 'An MLflow server does not answer, or refuses what was sent.' },

  E_DIVERGED: { kind: 'training', meaning: 'Weights became NaN or infinite.' },
  E_OBJECTIVE: { kind: 'training', meaning: 'A local objective gave what does not fit the model.' },
  E_OWNER_FAILED: { kind: 'training', meaning: 'An owner could not train, or did not answer in time.' },
  E_OWNER_REFUSED: { kind: 'training', meaning: 'An owner does not take part: its policy, its data or its version.' },
  E_DEMO: { kind: 'training', meaning: 'A process of the demonstration ended before it was done.' },
  E_FENCED: { kind: 'training', meaning: 'Another server has taken over the federation.' },
  E_UPDATE: { kind: 'training', meaning: 'An update of an owner does not fit the model, or is out of bounds.' },
  E_OWNER_STATE: { kind: 'training', meaning: 'An owner lost what its local objective kept of the round before.' },
  E_MASKS_LOST: { kind: 'training', meaning: 'An owner was started anew in a masked round, whose secrets are gone.' },
  E_MERGE_FAILED: { kind: 'training', meaning: 'A merge rule failed, or the owners trained different models.' },
  E_ENGINE_MEMORY: { kind: 'training', meaning: 'The engine ran out of memory while it trained.' },
  E_ENGINE_FAILED: { kind: 'training', meaning: 'The engine failed while it trained.' },
  E_BUG: { kind: 'training', meaning: 'Nobody foresaw this error: it is a bug of fedunify.' },

  E_INTERRUPTED: { kind: 'interrupted', meaning: 'A signal, such as that of Ctrl-C, ended the command.' },
  E_OUTPUT_CLOSED: { kind: 'interrupted', meaning: 'Nobody reads the output any more.' },
} as const satisfies Readonly<Record<`E_${string}`, { kind: ErrorKind; meaning: string }>>

export type ErrorCode = keyof typeof ERRORS

/** Where in a run an error happened: the message says it in words, this as data. */
export interface ErrorPlace {
  readonly owner?: number
  readonly round?: number
  readonly tensor?: string
}

/**
 * The one error type of fedunify: thrown where the cause is known, printed once by `cli/main.ts`.
 * `message` is one line that names the cause; `hint` says what to do about it. Both may name what others wrote: a path,
 * a value, another program's words.
 */
export class FedunifyError extends Error {
  override readonly name = 'FedunifyError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly place: ErrorPlace

  /** @param hint one line, or a list of lines */
  constructor(
    code: ErrorCode,
    message: string,
    hint?: string | readonly string[],
    options: ErrorOptions & ErrorPlace = {},
  ) {
    const { cause, ...place } = options
    super(oneLine(message), cause === undefined ? undefined : { cause })
    this.place = place
    this.code = code
    this.kind = ERRORS[code].kind
    this.hint = hint && [hint].flat().map(oneLine).join('\n')
  }

  get exitCode(): number {
    return EXIT[this.kind]
  }
}

/** The legal name nearest to a mistyped one, or undefined if nothing is near enough to be meant. */
export function nearest(got: string, legal: readonly string[]): string | undefined {
  const most = (name: string) => Math.max(1, Math.floor(name.length / 3))
  const letters = (name: string) => [...name.toLowerCase()].sort().join('')
  // Letters in another order are one slip, not two.
  const edits = (name: string) => {
    const count = distance(got.toLowerCase(), name.toLowerCase())
    return count > 1 && letters(got) === letters(name) ? count - 1 : count
  }
  // Edits are slow to count, and there are as many as one name is longer: of most names none need be counted.
  const [best] = legal
    .filter((name) => Math.abs(name.length - got.length) <= most(name))
    .map((name) => ({ name, count: edits(name) }))
    .sort((a, b) => a.count - b.count)
  return best && best.count <= most(best.name) && best.count < best.name.length ? best.name : undefined
}

/** unknown WHAT "GOT": expected one of …, with the nearest legal name as the hint. */
export function unknownName(what: string, got: string, legal: readonly string[]): FedunifyError {
  const near = nearest(got, legal)
  return new FedunifyError(
    'E_UNKNOWN_NAME',
    `unknown ${what} "${got}": expected one of ${legal.join(', ')}`,
    near && `did you mean ${near}?`,
  )
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The system error code (ENOENT, EACCES, ENOSPC …) of whatever was thrown, if it has one. Our own errors have none: their
 * `code` is not the system's.
 */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof FedunifyError) return undefined
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
