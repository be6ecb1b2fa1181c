import { dataUrl } from "../parts/fileData.js";
import { Icon } from "../parts/icons.js";
import type { Studio } from "../state/studio.js";

/** A picture that is given: a file, the picture that is shown, or for a mask what is painted. */
export function PictureField({
	studio,
	name,
	id,
}: {
	readonly studio: Studio;
	readonly name: string;
	readonly id: string;
}) {
	const { given, set, pen, painting, beginWith } = studio;
	const value = given.value[name];
	const { asked } = pen.drawn.value;
	const choose = async ({
		currentTarget,
	}: {
		currentTarget: HTMLInputElement;
	}) => {
		const [file] = currentTarget.files ?? [];
		if (!file) return;
		const url = await dataUrl(file);
		if (name === "initImage") beginWith(url);
		else set({ [name]: url });
		currentTarget.value = "";
	};
	return (
		<div class="picture-field">
			{typeof value === "string" && (
				<img src={value} alt={`The ${name} that is given`} />
			)}
			<span class="actions">
				<label class="button" for={id}>
					Choose a file
				</label>
				<input
					id={id}
					class="visually-hidden"
					type="file"
					accept="image/png,image/jpeg,image/webp"
					onChange={(event) => void choose(event)}
				/>
				{name === "initImage" && asked && (
					<button
						type="button"
						onClick={() => void dataUrl(asked.png).then(beginWith)}
					>
						Use the shown one
					</button>
				)}
				{name === "mask" && (
					<button
						type="button"
						onClick={() => {
							painting.value = true;
						}}
					>
						<Icon name="brush" /> Paint
					</button>
				)}
				{value !== undefined && (
					<button
						type="button"
						onClick={() =>
							set(
								name === "initImage"
									? { initImage: undefined, mask: undefined }
									: { [name]: undefined },
							)
						}
					>
						<Icon name="close" /> Take out
					</button>
				)}
			</span>
		</div>
	);
}
