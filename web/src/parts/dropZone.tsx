import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { SourceError } from "../pictureSource.js";
import type { Studio } from "../state/studio.js";
import { dataUrl } from "./fileData.js";
import { Icon } from "./icons.js";

/** A picture that is dropped anywhere, or chosen, gives its settings back; one without any is what the run begins with. */
export function DropZone({ studio }: { readonly studio: Studio }) {
	const over = useSignal(false);
	const dropped = useSignal<File | undefined>(undefined);
	const { note } = studio;

	const take = async (file: File | undefined) => {
		if (!file) return;
		dropped.value = undefined;
		try {
			await studio.adopt(file);
			dropped.value = file;
		} catch (error) {
			if (!(error instanceof SourceError)) throw error;
			if (error.message !== "the picture carries no settings") {
				studio.tell(error.message);
				return;
			}
			studio.beginWith(await dataUrl(file));
			studio.tell("The picture carries no settings: the run begins with it.");
		}
	};

	useEffect(() => {
		const isFile = ({ dataTransfer }: DragEvent) =>
			dataTransfer?.types.includes("Files") ?? false;
		const onDragOver = (event: DragEvent) => {
			if (!isFile(event)) return;
			event.preventDefault();
			over.value = true;
		};
		const onDragLeave = ({ relatedTarget }: DragEvent) => {
			if (relatedTarget === null) over.value = false;
		};
		const onDrop = (event: DragEvent) => {
			over.value = false;
			if (!isFile(event)) return;
			event.preventDefault();
			void take(event.dataTransfer?.files[0]);
		};
		const onPaste = ({ clipboardData }: ClipboardEvent) => {
			const [file] = clipboardData?.files ?? [];
			if (file) void take(file);
		};
		addEventListener("dragover", onDragOver);
		addEventListener("dragleave", onDragLeave);
		addEventListener("drop", onDrop);
		addEventListener("paste", onPaste);
		return () => {
			removeEventListener("dragover", onDragOver);
			removeEventListener("dragleave", onDragLeave);
			removeEventListener("drop", onDrop);
			removeEventListener("paste", onPaste);
		};
	}, []);

	return (
		<>
			<label
				class="quiet from-file"
				title="Settings from a picture, or drop one anywhere"
			>
				<Icon name="file" />
				<span>From a picture</span>
				<input
					class="visually-hidden"
					type="file"
					accept="image/png,image/jpeg,image/webp"
					onChange={({ currentTarget }) => {
						void take(currentTarget.files?.[0]);
						currentTarget.value = "";
					}}
				/>
			</label>
			{over.value && (
				<div class="drop" aria-hidden="true">
					<p>Drop the picture to get its settings back</p>
				</div>
			)}
			<div class="toast" role="status" data-on={note.value !== ""}>
				{note.value !== "" && (
					<>
						<span>{note.value}</span>
						{dropped.value && (
							<button
								type="button"
								onClick={() => {
									const file = dropped.peek();
									note.value = "";
									if (file) void dataUrl(file).then(studio.beginWith);
								}}
							>
								Begin with it
							</button>
						)}
						<button
							type="button"
							class="quiet"
							aria-label="Close this note"
							onClick={() => {
								note.value = "";
							}}
						>
							<Icon name="close" />
						</button>
					</>
				)}
			</div>
		</>
	);
}
