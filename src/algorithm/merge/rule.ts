import type { Statistic } from '../../engine/statistics.ts'
import type { Part } from '../../parts.ts'
import type { NamedWeights } from '../../weights/named.ts'
import type { Weights } from '../../weights/weights.ts'

/** What a rule may know of an owner, besides its weights. */
export interface OwnerFacts {
  /** 1-based. */
  readonly owner: number
  /** Images in the owner's shard, epochs not counted. */
  readonly trainImages: number
  /** How many of them are of each class; undefined if the owner does not tell. */
  readonly trainLabels?: readonly number[] | undefined
  /** Steps of plain SGD that it went in the round (see engine/effective-steps.ts); undefined if that is not known. */
  readonly steps?: number | undefined
  /** What rules asked of it, each by its `statisticName`; undefined if none asked. */
  readonly statistics?: NamedWeights | undefined
}

/** What one owner hands in: its local model's weights and how many images it trained them on. */
export interface OwnerWeights extends OwnerFacts {
  readonly weights: Weights
}

/** Which round's models are merged. */
export interface MergedRound {
  /** From 1. */
  readonly round: number
  /** The model that the owners trained from; undefined if each began with weights of its own. */
  readonly base?: Weights | undefined
}

/** Which tensor is merged. */
export interface TensorFacts {
  readonly name: string
  readonly round: number
  /** Its values in the model that the owners trained from; undefined if each began with weights of its own. */
  readonly base: Float32Array | undefined
}

/**
 * Merges one tensor.
 * @param values each owner's values of it, flat; they are only read
 * @param owners what else is known of the owners, in the same order
 * @param out takes the merged values: every element must be written, and nothing is returned
 */
export type MergeTensor = (
  values: readonly Float32Array[],
  owners: readonly OwnerFacts[],
  out: Float32Array,
  tensor: TensorFacts,
) => void

/**
 * A rule that looks at whole models before it merges: at their lengths, or at the distances between them.
 */
export interface ModelLook {
  /**
   * Called once in a round, before the first tensor is merged.
   * @param models each owner's whole model; they are only read
   * @param owners what else is known of the owners, in the same order
   * @returns what merges each tensor
   */
  look(models: readonly Weights[], owners: readonly OwnerFacts[], round: MergedRound): MergeTensor
}

/** What a rule is told beside the owners' weights and their numbers of images, and cannot do without. */
export type Use = 'base' | 'labels' | 'steps'

/** A statistic of some of an owner's training images under its local model. */
export interface AskedStatistic {
  readonly statistic: Statistic
  /** How many images, drawn anew in each round; all of an owner's if it has fewer. */
  readonly images: number
}

/** By what it is handed in. */
export const statisticName = ({ statistic, images }: AskedStatistic): string => `${statistic}-${images}`

/** Each of them once. */
export const distinctAsks = (asks: readonly AskedStatistic[]): AskedStatistic[] => [
  ...new Map(asks.map((one) => [statisticName(one), one])).values(),
]

/** The model that a run trains. */
export interface MergedModel {
  /** Shapes of its tensors, by name, in layer order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly classes: number
  /** The type of its last layer, if that is known: what makes the logits may have no tensor of its own. */
  readonly lastLayer?: string
}

/**
 * A way to make one model of the owners' models. What `make` gives is the definition of the rule, as plain as it can be
 * written; accelerated.ts has faster ways to the same bits. No rule hides that a model is broken: a NaN in any owner's
 * value gives NaN.
 */
export interface MergeRule<O extends object = object> extends Part<O, MergeTensor | ModelLook> {
  /** One line on when to use it. */
  readonly when: string
  /** Whether it needs each owner's values or only their weighted sum, which is all that secure aggregation shows. */
  readonly needs: 'sum' | 'each'
  /** `base`: the model that the owners trained from; `labels`: how many images of each class they have. */
  uses?(options: O): readonly Use[]
  /** What each owner must compute of its images after training, and hand in with its weights. */
  asks?(options: O): readonly AskedStatistic[]
  /**
   * Of a rule that merges unified models of rounds, in place of owners' models: of how many rounds, this one included. It
   * drives no run.
   */
  last?(options: O): number
  /** Why it is not defined on so many owners, if so. */
  undefinedOn?(options: O, owners: number): string | undefined
  /** Why it must not be used on so many owners, if so: for example because it would be another rule in disguise. */
  check?(options: O, owners: number): string | undefined
  /** Why it must not be used on such a model, if so. */
  checkModel?(options: O, model: MergedModel): string | undefined
}
