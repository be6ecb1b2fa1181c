"""Writes src/image/labelGlyphs.ts: outlines of DejaVu Sans for the labels of contact sheets, so that they need no font on the
machine. Needs fonttools and the font (Debian: fonts-dejavu-core).
Usage: python scripts/make_label_glyphs.py /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
"""
import json
import sys
from pathlib import Path

from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont

font = TTFont(sys.argv[1])
glyphs, names = font.getGlyphSet(), font.getBestCmap()
SCALE = 1000 / font["head"].unitsPerEm
LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x391, 0x3CA), *range(0x410, 0x450), 0x401, 0x451, *map(ord, "–—‘’“”„•…‰€™←↑→↓∂∆∑−√∞∫≈≠≤≥×·□�")]
rows = {}
for code in sorted(set(LETTERS)):
    if code not in names:
        continue
    glyph = glyphs[names[code]]
    pen = SVGPathPen(glyphs, ntos=lambda v: str(round(v)))
    glyph.draw(TransformPen(pen, (SCALE, 0, 0, -SCALE, 0, 0)))
    rows[chr(code)] = [round(glyph.width * SCALE), pen.getCommands()]
head = '''// Made by scripts/make_label_glyphs.py from DejaVu Sans 2.37; do not edit.
//
// Fonts are (c) Bitstream (see below). DejaVu changes are in public domain.
// Copyright (c) 2003 by Bitstream, Inc. All Rights Reserved. Bitstream Vera is a trademark of Bitstream, Inc.
// Permission is hereby granted, free of charge, to any person obtaining a copy of the fonts accompanying this license ("Fonts") and
// associated documentation files (the "Font Software"), to reproduce and distribute the Font Software, including without limitation
// the rights to use, copy, merge, publish, distribute, and/or sell copies of the Font Software, and to permit persons to whom the Font
// Software is furnished to do so, subject to the following conditions: The above copyright and trademark notices and this permission
// notice shall be included in all copies of one or more of the Font Software typefaces. The Font Software may be modified, altered, or
// added to, and in particular the designs of glyphs or characters in the Fonts may be modified and additional glyphs or characters may
// be added to the Fonts, only if the fonts are renamed to names not containing either the words "Bitstream" or the word "Vera". This
// License becomes null and void to the extent applicable to Fonts or Font Software that has been modified and is distributed under the
// "Bitstream Vera" names. The Font Software may be sold as part of a larger software package but no copy of one or more of the Font
// Software typefaces may be sold by itself. THE FONT SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
// INCLUDING BUT NOT LIMITED TO ANY WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT OF COPYRIGHT,
// PATENT, TRADEMARK, OR OTHER RIGHT. IN NO EVENT SHALL BITSTREAM OR THE GNOME FOUNDATION BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
// LIABILITY, INCLUDING ANY GENERAL, SPECIAL, INDIRECT, INCIDENTAL, OR CONSEQUENTIAL DAMAGES, WHETHER IN AN ACTION OF CONTRACT, TORT OR
// OTHERWISE, ARISING FROM, OUT OF THE USE OR INABILITY TO USE THE FONT SOFTWARE OR FROM OTHER DEALINGS IN THE FONT SOFTWARE.

/** Letter → its advance in thousandths of the font size, and its outline as an SVG path in the same units, baseline at y = 0. */
export const labelGlyphs: Readonly<
\tRecord<string, readonly [advance: number, outline: string] | undefined>
> = {
'''
lines = [f"\t{json.dumps(c, ensure_ascii=False)}: {json.dumps(row)}," for c, row in rows.items()]
(Path(__file__).parent.parent / "src/image/labelGlyphs.ts").write_text(head + "\n".join(lines) + "\n};\n")
print(len(rows), "glyphs")
