import { Icon } from "../parts/icons.js";
import type { HungPicture } from "../state/gallery.js";
import type { Studio } from "../state/studio.js";

/** The pictures of before: one click brings one back, with its settings. */
export function GalleryGrid({ studio }: { readonly studio: Studio }) {
	const { kept, show, pen } = studio;
	const pictures = kept.pictures.value;
	const shown = pen.drawn.value.asked?.parameters;
	return (
		<section class="gallery" aria-labelledby="gallery-title">
			<header>
				<h2 id="gallery-title">Gallery</h2>
				<span class="muted">
					{pictures.length === 0
						? "what you draw is kept here"
						: pictures.length}
				</span>
			</header>
			<ul>
				{pictures.map((picture) => (
					<li key={picture.id} data-shown={picture.parameters === shown}>
						<button
							type="button"
							class="hung"
							onClick={() => void show(picture)}
							title={titleOf(picture)}
							aria-label={`Show: ${titleOf(picture)}`}
						>
							<img src={picture.url} alt="" loading="lazy" />
						</button>
						<button
							type="button"
							class="quiet remove"
							aria-label={`Remove: ${titleOf(picture)}`}
							onClick={() => void kept.remove(picture)}
						>
							<Icon name="close" />
						</button>
					</li>
				))}
			</ul>
		</section>
	);
}

const titleOf = ({ options, seed }: HungPicture) =>
	`${String(options.prompt)}, seed ${seed}`;
