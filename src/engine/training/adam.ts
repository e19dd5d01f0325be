/** Constants of Adam (Kingma and Ba 2015, algorithm 1): torch.optim.Adam's defaults. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
