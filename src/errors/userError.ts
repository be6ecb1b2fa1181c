/**
 * Something the user can put right: a flag, a file, a model. Its message is one line that names the flag or file, says
 * what was wrong and what to do; the command line prints it without a stack trace and leaves with `exitCode`
 * (2 = wrong usage, 1 = the job failed).
 */
export class UserError extends Error {
	override readonly name = "UserError";
	constructor(
		message: string,
		readonly exitCode: 1 | 2 = 1,
		options?: ErrorOptions,
	) {
		super(message, options);
	}
}
