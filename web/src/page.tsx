import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { GalleryGrid } from "./gallery/galleryGrid.js";
import { CommandRow } from "./parts/commandRow.js";
import { DropZone } from "./parts/dropZone.js";
import { Mark } from "./parts/icons.js";
import { KeyPrompt } from "./parts/keyPrompt.js";
import { PromptLine } from "./parts/promptLine.js";
import { ThemeButton } from "./parts/theme.js";
import { Stage } from "./picture/stage.js";
import { type PictureSource, SourceError } from "./pictureSource.js";
import { SettingsSections } from "./settings/settingsSections.js";
import { ofTab } from "./state/remembered.js";
import { studio as newStudio, type Studio } from "./state/studio.js";
import { Timeline } from "./timeline/timeline.js";

const KEY = "faster-diffusion.key";

/** The page, over a source of pictures. */
export function Page({ source }: { readonly source: PictureSource }) {
	const studio = useSignal<Studio | undefined>(undefined);
	const trouble = useSignal<SourceError | undefined>(undefined);
	const tries = useSignal(0);

	const open = async () => {
		try {
			const opened = newStudio(source, await source.capabilities());
			trouble.value = undefined;
			studio.value = opened;
			await opened.open();
		} catch (error) {
			trouble.value =
				error instanceof SourceError
					? error
					: new SourceError(String(error), "internal_error");
		}
	};
	useEffect(() => {
		const key = ofTab.get(KEY);
		if (key) source.useKey?.(key);
		void open();
	}, []);

	if (studio.value) return <Desk studio={studio.value} />;
	if (trouble.value?.code === "unauthorized")
		return (
			<KeyPrompt
				refused={tries.value > 0}
				onKey={(key) => {
					tries.value++;
					ofTab.set(KEY, key);
					source.useKey?.(key);
					void open();
				}}
			/>
		);
	return (
		<main class="door" aria-busy={!trouble.value}>
			{trouble.value && (
				<>
					<h1>Nothing can be drawn</h1>
					<p role="alert">{trouble.value.message}</p>
					<button type="button" class="primary" onClick={() => void open()}>
						Try again
					</button>
				</>
			)}
		</main>
	);
}

function Desk({ studio }: { readonly studio: Studio }) {
	return (
		<div class="desk">
			<header class="top">
				<h1>
					<Mark /> faster-diffusion
				</h1>
				<ModelChoice studio={studio} />
				<span class="top-right">
					<DropZone studio={studio} />
					<ThemeButton />
				</span>
			</header>
			<main>
				<div class="easel">
					<PromptLine studio={studio} />
					<Stage studio={studio} />
					<Timeline studio={studio} />
					<CommandRow studio={studio} />
				</div>
				<div class="side">
					<SettingsSections studio={studio} />
					<GalleryGrid studio={studio} />
				</div>
			</main>
		</div>
	);
}

function ModelChoice({ studio }: { readonly studio: Studio }) {
	const { capabilities, model, set } = studio;
	const { models } = capabilities;
	if (models.length === 1)
		return <span class="model muted">{models[0].name}</span>;
	return (
		<select
			class="model"
			aria-label="Model"
			value={model.value.name}
			onChange={({ currentTarget }) => set({ model: currentTarget.value })}
		>
			{models.map(({ name }) => (
				<option key={name}>{name}</option>
			))}
		</select>
	);
}
