// Takes out of dist/ what was built from sources that are gone, so that no package carries it. Nothing else is touched: programs
// that run from dist/ meanwhile go on. The page in dist/web is no business of its: its builder clears it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");

for (const entry of readdirSync(dist, {
	recursive: true,
	withFileTypes: true,
})) {
	const path = join(entry.parentPath ?? entry.path, entry.name);
	const built = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(relative(dist, path));
	if (
		entry.isFile() &&
		built &&
		!/^(web|site)[\\/]/.test(built[1]) &&
		![".ts", ".js"].some((end) =>
			existsSync(join(root, "src", `${built[1]}${end}`)),
		)
	)
		rmSync(path);
}
