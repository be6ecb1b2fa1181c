/** Plans that were tuned for the embedded model, in the order of their names: written by `npm run docs` from models/emoji/plans. */
export const embeddedPlanUrls: readonly URL[] = [];
