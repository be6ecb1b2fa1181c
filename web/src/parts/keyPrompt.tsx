/** Asks for the key that the server wants. */
export function KeyPrompt({
	refused,
	onKey,
}: {
	readonly refused: boolean;
	readonly onKey: (key: string) => void;
}) {
	return (
		<main class="door">
			<form
				onSubmit={(event) => {
					event.preventDefault();
					const key = new FormData(event.currentTarget).get("key");
					onKey(String(key ?? "").trim());
				}}
			>
				<h1>A key, please</h1>
				<p>
					This server draws for those who have one of its keys. It is kept until
					this tab is closed.
				</p>
				<label for="key">Key</label>
				<input
					id="key"
					name="key"
					type="password"
					autocomplete="current-password"
					required
				/>
				{refused && (
					<p class="error" role="alert">
						The server does not know this key.
					</p>
				)}
				<button type="submit" class="primary">
					Open
				</button>
			</form>
		</main>
	);
}
