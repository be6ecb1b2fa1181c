import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openNodeAdapterFile } from "../../../src/weights/adapters/nodeAdapterFile.js";
import { openAdapter } from "../../../src/weights/adapters/openAdapter.js";
import { openNodeWeightFile } from "../../../src/weights/formats/nodeModelFolder.js";
import { pullHubModel } from "../../../src/weights/hub/nodeHubModel.js";
import { openModel } from "../../../src/weights/nodeOpenModel.js";
import { tinySd } from "../../pipeline/tinyModels.js";
import { safetensorsBytes } from "../formats/safetensorsBytes.js";
import { startHub } from "../hub/hubServer.js";

const temporary = mkdtempSync(join(tmpdir(), "fdiff-adapter-"));
afterAll(() => rmSync(temporary, { recursive: true }));

const layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";
const rank = 4;

/** A LoRA of one layer, of zeros; with an alpha of its own where one is given. */
async function lora(down: string, up: string, alpha?: number) {
	const { networks } = await openModel(tinySd);
	const [rows, columns] =
		networks.unet.weights.tensors.get(`${layer}.weight`)?.shape ?? [];
	const header: Record<string, unknown> = {};
	let end = 0;
	const put = (name: string, ...shape: number[]) => {
		const begin = end;
		end += 4 * shape.reduce((a, b) => a * b, 1);
		header[name] = { dtype: "F32", shape, data_offsets: [begin, end] };
	};
	put(`${down}.weight`, rank, columns);
	put(`${up}.weight`, rows, rank);
	if (alpha !== undefined) put(down.replace(/[^.]+$/, "alpha"));
	const data = new Uint8Array(end);
	if (alpha !== undefined)
		new DataView(data.buffer).setFloat32(end - 4, alpha, true);
	return Uint8Array.from(
		Buffer.concat([safetensorsBytes(JSON.stringify(header)), data]),
	);
}

const peft = () =>
	lora(`base_model.model.${layer}.lora_A`, `base_model.model.${layer}.lora_B`);

async function scaleOf(...where: Parameters<typeof openNodeAdapterFile>) {
	const file = await openNodeAdapterFile(...where);
	const { networks } = await openModel(tinySd);
	const { changes } = await openAdapter(file, networks, openNodeWeightFile);
	return changes.unet.get(layer)?.[0].scale;
}

const config = (more: object) =>
	JSON.stringify({ peft_type: "LORA", r: rank, lora_alpha: 16, ...more });

test("PEFT's alpha counts, whether its folder is named or the file in it", async () => {
	const folder = join(temporary, "unet");
	mkdirSync(folder);
	const file = join(folder, "adapter_model.safetensors");
	writeFileSync(file, await peft());
	expect(await scaleOf(file)).toBe(1);
	writeFileSync(join(folder, "adapter_config.json"), config({}));
	expect(await scaleOf(folder)).toBe(4);
	expect(await scaleOf(file)).toBe(4);
	writeFileSync(
		join(folder, "adapter_config.json"),
		config({ use_rslora: true }),
	);
	expect(await scaleOf(file)).toBe(8);
});

test("of a file in a folder of a repository the config beside it is fetched and counts, not another", async () => {
	const repo = "someone/two-adapters";
	const text = (value: string) => new TextEncoder().encode(value);
	const hub = await startHub(
		repo,
		new Map([
			["adapter_config.json", text(config({ lora_alpha: 400 }))],
			["unet/adapter_config.json", text(config({}))],
			["unet/adapter_model.safetensors", await peft()],
			["text_encoder/adapter_config.json", text("{}")],
		]),
	);
	try {
		const settings = {
			endpoint: hub.endpoint,
			cacheFolder: join(temporary, "cache"),
			offline: false,
		};
		const where = `${repo}/unet/adapter_model.safetensors`;
		expect(await scaleOf(where, { settings })).toBe(4);
		const before = hub.requests.length;
		expect(await scaleOf(where, { settings })).toBe(4);
		expect(hub.requests).toHaveLength(before);
		expect(hub.requests.filter(({ path }) => /text_enc/.test(path))).toEqual(
			[],
		);
	} finally {
		await hub.close();
	}
});

test("a file some folders down in a repository is opened from the cache afterwards, offline too", async () => {
	const repo = "someone/deep-adapters";
	const path = "loras/sd15/inks/ink.safetensors";
	const hub = await startHub(repo, new Map([[path, await peft()]]));
	try {
		const settings = {
			endpoint: hub.endpoint,
			cacheFolder: join(temporary, "cache"),
			offline: false,
		};
		const where = `${repo}/${path}`;
		const { name } = await openNodeAdapterFile(where, { settings });
		expect(name).toBe("ink");
		const before = hub.requests.length;
		for (const offline of [false, true])
			await openNodeAdapterFile(where, { settings: { ...settings, offline } });
		expect(hub.requests).toHaveLength(before);
		const pulled = await pullHubModel(
			{ repo, revision: "main" },
			{ include: [path], settings: { ...settings, offline: true } },
		);
		expect(pulled.files).toEqual([path]);
	} finally {
		await hub.close();
	}
});

test("a file with alphas of its own takes nothing from a config that lies beside it", async () => {
	const folder = join(temporary, "mixed");
	mkdirSync(folder);
	const name = `lora_unet_${layer.replaceAll(".", "_")}`;
	const file = join(folder, "ink.safetensors");
	writeFileSync(file, await lora(`${name}.lora_down`, `${name}.lora_up`, 2));
	writeFileSync(
		join(folder, "adapter_config.json"),
		config({ use_rslora: true }),
	);
	expect(await scaleOf(file)).toBe(0.5);
});
