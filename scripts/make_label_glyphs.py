"""Writes models/label-font/glyphs.json.gz: outlines of DejaVu Sans for the labels of contact sheets, so that they need no font on the
machine. Needs fonttools and the font (Debian: fonts-dejavu-core).
Usage: python scripts/make_label_glyphs.py /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
"""
import gzip
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
text = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
target = Path(__file__).parent.parent / "models/label-font/glyphs.json.gz"
target.write_bytes(gzip.compress(text, 9, mtime=0))
print(len(rows), "glyphs")
