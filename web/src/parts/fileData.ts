/** A file's content as a `data:` URL, as options take pictures. */
export function dataUrl(file: Blob): Promise<string> {
	return new Promise((resolve, reject) => {
		const reader = new FileReader();
		reader.onload = () => resolve(String(reader.result));
		reader.onerror = () => reject(reader.error);
		reader.readAsDataURL(file);
	});
}

/** The pixels of a picture's file or of a `data:` URL: four bytes each. */
export async function pixelsOf(picture: Blob | string): Promise<ImageData> {
	const bitmap =
		typeof picture === "string"
			? await loadedImage(picture)
			: await createImageBitmap(picture);
	const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
	const context = canvas.getContext("2d", { willReadFrequently: true });
	if (!context)
		throw new Error("the browser has no canvas to read pixels with");
	context.drawImage(bitmap, 0, 0);
	return context.getImageData(0, 0, canvas.width, canvas.height);
}

async function loadedImage(url: string): Promise<HTMLImageElement> {
	const image = new Image();
	image.src = url;
	await image.decode();
	return image;
}
