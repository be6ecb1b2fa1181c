import type { FinishedPicture, PictureOptions } from "../pictureSource.js";
import type { StateWord } from "../timeline/stepCosts.js";

/** A finished picture as the page shows it. */
export interface ShownPicture extends FinishedPicture {
	/** An address of its file, for as long as it is shown. */
	readonly url: string;
	/** The options that were asked for: with the pictures that it began with. */
	readonly asked: PictureOptions;
	/** What each step predicted, where it was told. */
	readonly previews: readonly (string | undefined)[];
	/** What ran at each step, and the seconds that it took. */
	readonly stepStates: readonly StateWord[];
	readonly stepSeconds: readonly number[];
}

/** Seconds that a picture took, loading of networks left out. */
export const secondsOf = ({
	cost: { denoisingSeconds, decodingSeconds },
}: Pick<FinishedPicture, "cost">): number => denoisingSeconds + decodingSeconds;
