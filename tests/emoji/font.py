"""Makes web/fonts/emoji.woff2 from that of the package twemoji-colr-font 15.0.3; needs fonttools and brotli.

Chromium leaves the selector FE0F out before it looks for a ligature, so each ligature is there without it, too:

    npm pack twemoji-colr-font && tar xzf twemoji-colr-font-*.tgz
    python3 tests/emoji/font.py package/twemoji.woff2 web/fonts/emoji.woff2
"""

import sys

from fontTools.ttLib import TTFont
from fontTools.ttLib.tables.otTables import Ligature


def add_bare_forms(ligatures):
    known = [ligature.Component for ligature in ligatures]
    for ligature in list(ligatures):
        bare = [name for name in ligature.Component if name != "ufe0f"]
        if bare and bare not in known:
            added = Ligature()
            added.Component, added.CompCount, added.LigGlyph = bare, len(bare) + 1, ligature.LigGlyph
            ligatures.append(added)
    ligatures.sort(key=lambda ligature: -len(ligature.Component))


source, target = sys.argv[1:]
font = TTFont(source)
for lookup in font["GSUB"].table.LookupList.Lookup:
    for table in lookup.SubTable:
        table = getattr(table, "ExtSubTable", table)
        for ligatures in getattr(table, "ligatures", {}).values():
            add_bare_forms(ligatures)
font.flavor = "woff2"
font.save(target)
