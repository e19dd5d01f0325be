/**
 * What a merge rule may ask of an owner beside its weights: sums over images of how a model sees them.
 *
 * `grams`: Σ x xᵀ of the inputs x of each dense layer, under the name of the layer's weight. It is symmetric: the lower
 * triangle, row by row, [n (n + 1) / 2] for n inputs.
 *
 * `fisher`: the diagonal of the Fisher information, the mean over the images of Σ_c p_c (∂ log p_c / ∂w)², where p_c is
 * what the model itself gives class c. For each weight, in the shapes of the model.
 *
 * `empirical-fisher`: the same with the image's own label y alone, the mean of (∂ log p_y / ∂w)².
 *
 * Dropout is off, as in evaluation.
 */
export type Statistic = 'grams' | 'fisher' | 'empirical-fisher'
