/** The LoRAs that come with the embedded model, by their names. Its control net is not among them: it has 10 MB, which every bundle would carry. */
export const embeddedLoras: Readonly<Record<string, URL>> = {
	ice: new URL("../../../models/emoji/lora/ice.safetensors", import.meta.url),
	lcm: new URL("../../../models/emoji/lora/lcm.safetensors", import.meta.url),
};
