import type { Weights } from '../weights/weights.ts'

/**
 * What a local objective changes in the training of one owner: affine maps, where the gradient is taken, and who is
 * listened to, constant for the whole plan. Losses that are reported are the cross-entropy of the mapped logits and
 * targets, at the weights themselves; the terms of the gradient and a teacher have no part in them.
 */
export interface ObjectiveHooks {
  readonly gradient?: GradientHook
  readonly logits?: LogitHook
  readonly targets?: TargetHook
  readonly perturb?: PerturbHook
  readonly teacher?: TeacherHook
}

/**
 * g ← scale * g + mu * (w - anchor) + shift, for every parameter: the gradient of scale times the loss plus
 * mu/2 ‖w - anchor‖² + <shift, w>.
 * Weight decay and the optimiser's rule come after it, so that momentum and Adam see all of it.
 *
 * Weights have the model's tensors, each under its name and in its shape. They are known by their identity: what has
 * other values must be another object, and an anchor that is the very object the training starts from is not copied.
 */
export interface GradientHook {
  /** Of the loss's own gradient; 1 if it is left out. FedCM (2106.10874) has less of it. */
  readonly scale?: number
  /** The proximal term of FedProx (arXiv 1812.06127) and, with mu = alpha, of FedDyn (2111.04263). */
  readonly proximal?: { readonly mu: number; readonly anchor: Weights }
  /** c - c_i in SCAFFOLD (1910.06378), minus the owner's dual in FedDyn. */
  readonly shift?: Weights
}

/**
 * z_c ← scale_c * z_c + shift_c, for every class c, ahead of softmax and cross-entropy: in training alone. Evaluation
 * and the exported model see the logits as they are.
 */
export interface LogitHook {
  /** float32 [classes]; 1 for each class where it is absent. FedRS (KDD 2021, 10.1145/3447548.3467254) scales. */
  readonly scale?: Float32Array
  /** float32 [classes]; 0 for each class where it is absent. FedLC (2209.00189) and balanced softmax shift. */
  readonly shift?: Float32Array
}

/** q_c ← (1 - smoothing) q_c + smoothing / classes, for the target q of an image: 1 for its class and 0 for all others. */
export interface TargetHook {
  /** From 0 to 1. */
  readonly smoothing: number
}

/**
 * The loss's own gradient is taken at w + rho * g / (‖g‖ + 1e-12), where g is that at w and its norm is over all tensors;
 * a second pass through the network for each step. Mini-batch, dropout, logits and targets are those of the first pass.
 * All other terms of a step are of w: those of the gradient's hook, weight decay, and the weights that the step changes.
 * Source: Foret et al. 2021 (arXiv:2010.01412) (SAM), algorithm 1; at an owner, Qu et al. 2022 (arXiv:2206.02618) (FedSAM).
 */
export interface PerturbHook {
  /** How far away, at least 0. */
  readonly rho: number
}

/** Beside a norm that is divided by, so that a gradient of 0 leads nowhere. */
export const NORM_EPSILON = 1e-12

/**
 * The loss has beta * KL(q ‖ p) more, the mean over the images: p and q are what the model and its teacher give to the
 * classes in question, an image's own never among them, as softmaxes of their logits. The logits are as they are, without
 * the logits' hook; the teacher is not trained and has no dropout. It costs a forward pass in each step.
 * Source: Lee et al. 2022 (arXiv:2106.03097) (FedNTD), for all classes.
 */
export interface TeacherHook {
  readonly beta: number
  /** Those of the teacher, known by their identity as an anchor is. */
  readonly weights: Weights
  /** float32 [classes]: 1 for each class in question and 0 for the others, two of them at least; all where it is absent. */
  readonly classes?: Float32Array
}

/** What logits of classes that are out of question are less by: no softmax sees them then. */
export const OUT_OF_QUESTION = 1e9
