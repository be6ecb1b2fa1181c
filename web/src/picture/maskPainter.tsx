import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icons.js";
import type { Studio } from "../state/studio.js";

/** The brush's width as a share of the picture's. */
const BRUSH = { least: 0.02, usual: 0.12, most: 0.4 };
/** How far an arrow key moves the brush. */
const KEY_STEP = 0.02;

/** Painted on the picture that a run begins with: what is painted is drawn anew. */
export function MaskPainter({ studio }: { readonly studio: Studio }) {
	const { given, set, painting, outline } = studio;
	const initImage = String(given.value.initImage ?? "");
	const canvasRef = useRef<HTMLCanvasElement>(null);
	const size = useSignal(BRUSH.usual);
	const erases = useSignal(false);
	const at = useSignal({ x: 0.5, y: 0.5 });
	const ready = useSignal(false);
	const last = useRef<{ x: number; y: number } | undefined>(undefined);

	// the canvas is as large as the picture: a mask has to be
	useEffect(() => {
		const canvas = canvasRef.current;
		if (!canvas) return;
		const image = new Image();
		image.src = initImage;
		void image.decode().then(async () => {
			canvas.width = image.naturalWidth;
			canvas.height = image.naturalHeight;
			const { mask } = given.peek();
			if (typeof mask === "string") await drawMask(canvas, mask);
			ready.value = true;
		});
	}, [initImage]);

	const dab = (to: { x: number; y: number }) => {
		const canvas = canvasRef.current;
		const context = canvas?.getContext("2d");
		if (!canvas || !context) return;
		context.globalCompositeOperation = erases.peek()
			? "destination-out"
			: "source-over";
		context.strokeStyle = "#fff";
		context.lineCap = "round";
		context.lineWidth = size.peek() * canvas.width;
		const from = last.current ?? to;
		context.beginPath();
		context.moveTo(from.x * canvas.width, from.y * canvas.height);
		context.lineTo(to.x * canvas.width, to.y * canvas.height + 0.01);
		context.stroke();
		last.current = to;
	};
	const placeOf = ({ clientX, clientY, currentTarget }: PointerEvent) => {
		const box = (currentTarget as HTMLElement).getBoundingClientRect();
		return {
			x: (clientX - box.left) / box.width,
			y: (clientY - box.top) / box.height,
		};
	};
	const onKeyDown = (event: KeyboardEvent) => {
		const { x, y } = at.value;
		const moves: Record<string, { x: number; y: number }> = {
			ArrowLeft: { x: x - KEY_STEP, y },
			ArrowRight: { x: x + KEY_STEP, y },
			ArrowUp: { x, y: y - KEY_STEP },
			ArrowDown: { x, y: y + KEY_STEP },
		};
		const to = moves[event.key];
		if (to) {
			at.value = {
				x: Math.min(1, Math.max(0, to.x)),
				y: Math.min(1, Math.max(0, to.y)),
			};
			if (event.shiftKey) dab(at.value);
		} else if (event.key === " ") {
			last.current = undefined;
			dab(at.value);
		} else return;
		event.preventDefault();
	};
	const finish = () => {
		const canvas = canvasRef.current;
		painting.value = false;
		if (canvas) set({ mask: maskOf(canvas) });
	};
	const { width = 1, height = 1 } = outline.value?.options ?? {};
	return (
		<div
			class="painter"
			style={{
				"--ratio": String(Number(width) / Number(height)),
				"--x": String(at.value.x),
				"--y": String(at.value.y),
				"--brush": String(size.value),
			}}
		>
			<img src={initImage} alt="What the run begins with" />
			{/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes keys as no other element does */}
			<canvas
				ref={canvasRef}
				// what is painted before it has its size would be lost
				hidden={!ready.value}
				tabIndex={0}
				role="application"
				aria-label="Mask. Arrow keys move the brush, space paints, shift with an arrow paints a line."
				onPointerDown={(event) => {
					event.currentTarget.setPointerCapture(event.pointerId);
					last.current = undefined;
					dab(placeOf(event));
				}}
				onPointerMove={(event) => {
					at.value = placeOf(event);
					if (event.buttons > 0) dab(at.value);
				}}
				onKeyDown={onKeyDown}
			/>
			<span class="brush-ring" aria-hidden="true" />
			<div class="painter-tools">
				<label>
					<span>Brush</span>
					<input
						type="range"
						min={BRUSH.least}
						max={BRUSH.most}
						step="0.01"
						value={size.value}
						onInput={({ currentTarget }) => {
							size.value = Number(currentTarget.value);
						}}
					/>
				</label>
				<label>
					<input
						type="checkbox"
						checked={erases.value}
						onChange={() => {
							erases.value = !erases.value;
						}}
					/>
					<span>Erase</span>
				</label>
				<button
					type="button"
					onClick={() => {
						const canvas = canvasRef.current;
						canvas
							?.getContext("2d")
							?.clearRect(0, 0, canvas.width, canvas.height);
					}}
				>
					Clear
				</button>
				<button type="button" class="primary" onClick={finish}>
					<Icon name="done" /> Done
				</button>
			</div>
		</div>
	);
}

/** The mask as a file: white where something was painted, black elsewhere; undefined where nothing was. */
function maskOf(canvas: HTMLCanvasElement): string | undefined {
	const copy = document.createElement("canvas");
	copy.width = canvas.width;
	copy.height = canvas.height;
	const context = copy.getContext("2d");
	if (!context) return undefined;
	context.fillStyle = "#000";
	context.fillRect(0, 0, copy.width, copy.height);
	context.drawImage(canvas, 0, 0);
	const { data } = context.getImageData(0, 0, copy.width, copy.height);
	return data.some((value, index) => index % 4 === 0 && value > 0)
		? copy.toDataURL("image/png")
		: undefined;
}

/** Paints a mask of before: what is white there. */
async function drawMask(
	canvas: HTMLCanvasElement,
	mask: string,
): Promise<void> {
	const image = new Image();
	image.src = mask;
	await image.decode();
	const context = canvas.getContext("2d");
	if (!context) return;
	context.drawImage(image, 0, 0, canvas.width, canvas.height);
	const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
	for (let at = 0; at < pixels.data.length; at += 4)
		pixels.data[at + 3] = pixels.data[at];
	context.putImageData(pixels, 0, 0);
}
