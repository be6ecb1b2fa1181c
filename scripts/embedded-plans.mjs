// src/weights/web/embeddedPlans.ts: the addresses of the embedded model's plans, spelled out as bundlers want them.
import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** The file as it should be. */
export function embeddedPlans() {
	const names = readdirSync(join(root, "models/emoji"), { recursive: true })
		.map(String)
		.filter((name) => /^plans[\\/][^\\/]+\.json$/.test(name))
		.map((name) => name.replaceAll("\\", "/"))
		.sort();
	const urls = names.map(
		(name) =>
			`\n\tnew URL(\n\t\t"../../../models/emoji/${name}",\n\t\timport.meta.url,\n\t),`,
	);
	return `/** Plans that were tuned for the embedded model, in the order of their names: written by \`npm run docs\` from models/emoji/plans. */
export const embeddedPlanUrls: readonly URL[] = [${urls.join("")}${urls.length > 0 ? "\n" : ""}];
`;
}
