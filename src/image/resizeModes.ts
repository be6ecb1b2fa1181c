/** How a picture of another shape is brought to a size: cut at the sides, whole with its borders drawn out, or pulled. */
export const RESIZE_MODES = ["crop", "fit", "stretch"] as const;
export type ResizeMode = (typeof RESIZE_MODES)[number];
