import { UserError } from "./userError.js";

/**
 * Loads packages that not every installation has, since drawing alone needs none of them.
 * @param names as npm calls them, separated by spaces
 * @throws UserError that says what to install
 */
export async function neededPackage<T>(
	names: string,
	load: () => Promise<T>,
): Promise<T> {
	try {
		return await load();
	} catch (error) {
		if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND")
			throw error;
		throw new UserError(
			`this needs ${names.replaceAll(" ", " and ")}, which is not installed: npm install ${names}`,
			{ code: "not_installed", cause: error },
		);
	}
}
